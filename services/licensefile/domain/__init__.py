"""Rules of license files: the verdict on an offered one, the standing of an installed one. Pure: no clock, no I/O, no framework."""
