"""The HTTP bodies, a module per service that serves them. Published through each service's OpenAPI."""
