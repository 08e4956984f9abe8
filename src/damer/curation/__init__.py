"""Raw audio files → a clean folder of WAV with a manifest that says why."""
