"""The facts that travel between services, a module per owner. Fields are added, never renamed or removed."""
