"""Rules of the alarms."""
