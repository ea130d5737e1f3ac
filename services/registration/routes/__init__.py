"""The registration desk's HTTP doors."""
