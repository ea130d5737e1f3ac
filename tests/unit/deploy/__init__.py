"""What is deployed, as files: the compose file, the secrets, what watches."""
