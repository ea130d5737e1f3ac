"""The kit on a real database."""
