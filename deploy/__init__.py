"""What an installation stands on: roles, broker, watching, back-up, and the secrets that are made for it."""
