"""How one side is run in containers: what its database, its broker and its watchers are given."""
