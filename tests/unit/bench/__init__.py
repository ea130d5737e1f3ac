"""The benchmark's own tools: a figure that cannot be wrong says nothing."""
