"""The broker of one side."""
