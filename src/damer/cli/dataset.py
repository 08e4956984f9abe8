"""`damer dataset`."""
