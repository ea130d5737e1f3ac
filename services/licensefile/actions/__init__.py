"""What this service does: install, verify, retire;
follow_cluster, follow_keys, keep_granted, expire, end_grace, change_standing; render_migration."""
