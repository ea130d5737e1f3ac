"""The rules of license files: the verdict and the standing."""
