"""The plane, tracks, results, metrics and errors: numpy only, no torch."""
