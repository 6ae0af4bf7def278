"""The REST API of money in."""
