"""The calculator: what each device type costs in units, and what-if."""
