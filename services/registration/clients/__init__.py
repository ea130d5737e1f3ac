"""Whom the desk asks: for a signature, the vendor's key in its file."""
