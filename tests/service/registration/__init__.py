"""The registration desk as a whole."""
