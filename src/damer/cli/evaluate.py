"""`damer evaluate`."""
