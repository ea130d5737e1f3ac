"""Whom the alarms tell: one module a kind of destination, and the way to each in ways.py."""
