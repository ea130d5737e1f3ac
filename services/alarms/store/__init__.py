"""All SQL of the alarms.

alarms        alarms, what is settled about them, what was heard of pools and services
destinations  whom alarms are told
deliveries    what was, is and will be told to whom, and what they answered
changes       what listeners of the stream are told
steps         what people and time did to an alarm

Locks are taken in one order: the row of what is settled (or a pool's window, or a heartbeat), then the alarm, then deliveries.
"""
