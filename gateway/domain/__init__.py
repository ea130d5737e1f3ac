"""Rules about callers. Pure: no clock, no I/O, no framework."""
