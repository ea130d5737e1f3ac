"""The benchmark: ``make bench``. It starts what it measures and ends it, and beside every figure it is checked that nothing was lost.

What runs is the installation of the fault suite (``tests/faults/production.py``): one place knows how the product is started for
measuring and for breaking. A bench that measured another one would measure nothing that is tested.
"""
