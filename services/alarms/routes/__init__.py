"""The HTTP doors of the alarms."""
