"""Rules of the catalogue and of the what-if. Pure: no clock, no I/O, no framework."""
