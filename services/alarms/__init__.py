"""The alarms: raises, counts and clears what facts of the other services say, and tells who listens."""
