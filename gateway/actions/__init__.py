"""What the gateway does: create_caller, delete_caller, keep_first_caller."""
