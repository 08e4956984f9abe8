"""`damer train`."""
