"""The product in production's shape, under load, while something breaks: ``make test-faults``. ``make test`` leaves it out.

One installation stands for the whole suite; nobody mends it but its own supervisor, and every case begins with it healthy.
What was acknowledged to a caller is written down beside it (``load``) and compared afterwards through the public API (``judge``).
"""
