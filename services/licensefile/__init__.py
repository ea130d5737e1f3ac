"""License files on the customer's side: what is accepted, what is installed, and what becomes of it."""
