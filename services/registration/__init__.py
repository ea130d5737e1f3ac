"""The vendor's registration desk: orders, PAKs, license files made and signed, re-hosts. Nothing else holds the signing key."""
