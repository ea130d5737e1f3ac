"""What the desk does: place_order, approve_order, state_order, file_migration, register, rehost, return_share; each file is made by
issue_license_file, with what stands in desk. request_delivery has a file sent again, deliver hands to the mail server what is due."""
