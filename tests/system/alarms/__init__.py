"""Alarms on their whole way, from what happens to who is told: real receivers, a real broker, and everything that breaks on the way."""
