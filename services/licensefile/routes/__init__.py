"""The license files' HTTP doors."""
