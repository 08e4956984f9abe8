"""Every change of the tables, in order; `damer annotate init` and `serve` bring a database up to date."""
