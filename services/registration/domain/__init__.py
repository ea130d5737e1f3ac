"""Rules of orders, shares, re-hosts and of what a license file says. Pure: no clock, no I/O, no framework."""
