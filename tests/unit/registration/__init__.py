"""The desk's rules alone."""
