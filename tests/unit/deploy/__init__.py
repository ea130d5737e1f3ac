"""What is shipped for operations, read and tried without a running product."""
