"""What would become of a cluster's license files: the change that is thought of, its course in time, and what to request."""
