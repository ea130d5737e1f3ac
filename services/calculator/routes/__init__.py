"""The calculator's HTTP doors."""
