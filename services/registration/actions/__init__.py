"""What the desk does: place_order, approve_order, file_migration, register, rehost; each file is made by issue_license_file,
with what stands in desk. request_delivery has a file sent again, deliver hands to the mail server what is due."""
