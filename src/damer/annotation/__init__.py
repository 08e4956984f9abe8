"""Collecting new annotations: the protocol's rules, the study folder, simulated annotators, the release."""
