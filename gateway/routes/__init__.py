"""The gateway's own HTTP doors."""
