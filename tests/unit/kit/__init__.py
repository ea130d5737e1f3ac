"""The kit's parts that need no database."""
