"""The REST API of money out."""
