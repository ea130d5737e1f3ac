"""The demo: plays the whole story through HTTP against an instance of its own, and fails loudly where anything differs."""
