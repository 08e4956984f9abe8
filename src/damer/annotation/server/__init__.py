"""The annotation platform: database, study service, HTTP API. Needs the extra `annotate`."""
