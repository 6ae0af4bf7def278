"""How days and moments are written, in every language that the console speaks."""
