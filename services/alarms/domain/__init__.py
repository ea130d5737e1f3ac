"""Rules of the alarms. Pure: no clock, no I/O, no framework."""
