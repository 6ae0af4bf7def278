"""A day of trade, played through the real surfaces: for demonstrations, and for real orders replayed."""
