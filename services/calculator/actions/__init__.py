"""What the calculator does: publish_catalogue, add_local_type, calculate_units."""
