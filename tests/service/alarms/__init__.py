"""The alarms as a whole."""
