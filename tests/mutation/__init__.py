"""Mutation testing: what no test would notice. ``make mutate`` changes the code in every small way and runs the tests on each change."""
