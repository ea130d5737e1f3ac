"""The license files as a whole."""
