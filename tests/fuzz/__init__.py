"""Fuzzing led by coverage, in the hardening environment: ``make fuzz``."""
