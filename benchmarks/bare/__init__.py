"""The application with a provider that answers at once, and beside it a bare view that writes the same rows."""
