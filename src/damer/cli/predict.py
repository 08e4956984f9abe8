"""`damer predict`."""
