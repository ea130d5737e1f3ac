"""The calculator as a whole."""
