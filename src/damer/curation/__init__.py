"""Raw audio files → a clean folder of WAV with a manifest that says why.

In the order of use: `run` finds the files and goes through them, `track` takes one through the steps (`tags`,
`screening`, `loudness`), `state` remembers what is done, `fingerprint` and `duplicates` compare, `sidecar`
reads the table of licences, `manifest` and `about` write what came of it.
"""

from damer.curation.row import Row
from damer.curation.run import Curation, Result
from damer.curation.settings import NO_SCREENER, CurationSettings

__all__ = ["NO_SCREENER", "Curation", "CurationSettings", "Result", "Row"]
