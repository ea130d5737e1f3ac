"""Plumbing without opinions about licenses: every service is built from it."""
