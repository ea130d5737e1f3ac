"""What crosses a boundary: events and HTTP bodies. Pydantic and nothing else, so that every service may import it."""
