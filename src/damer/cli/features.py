"""`damer features`."""
