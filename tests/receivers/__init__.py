"""Real receivers of alarms, started on loopback: syslog server, SNMP manager, mail server, webhook, and some that misbehave.

Each is a context manager; nothing listens beyond 127.0.0.1, and no service that a machine has is touched.
"""
