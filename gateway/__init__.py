"""The gateway: one OpenAPI surface over the services it is given, the callers that may use it, and everything in one process."""
