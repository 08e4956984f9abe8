"""Every change of the tables, in order; `damer annotate init` and `serve` bring a database up to date."""

HEAD = "0001"
"""Version of the newest tables."""
