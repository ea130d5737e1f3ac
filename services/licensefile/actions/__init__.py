"""What this service does: install, verify, retire; follow_cluster, follow_keys, keep_granted, expire, end_grace, change_standing;
foretell_change, warn_of_ends, measure_ends; render_migration."""
