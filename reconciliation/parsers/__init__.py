"""One parser per format, all of one shape: bytes in; all lines, or all errors, out."""
