"""Many files at once.

In the order of use: `find` lists the audio files, `run` goes through them, `workers` recognises them,
`journal` remembers what is done, `clip` keeps their sound for the report, `writers` gives results a format.
"""

from damer.collection.find import find_audio
from damer.collection.journal import Journal
from damer.collection.run import Run
from damer.collection.workers import Outcome, Settings, Task, Workers
from damer.collection.writers import FORMATS, Writer, writer

__all__ = [
    "FORMATS",
    "Journal",
    "Outcome",
    "Run",
    "Settings",
    "Task",
    "Workers",
    "Writer",
    "find_audio",
    "writer",
]
