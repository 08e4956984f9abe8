"""From music to its emotion: a ladder of entries, and `Recognizer`, which offers all of them.

`File2Emotion` reads a window of a file for `Samples2Emotion`, which extracts the views for
`Views2Emotion`, which asks the networks. Come in on the rung that fits what you have.
"""

from damer.inference.networks import Views2Emotion
from damer.inference.recognition import Recognition
from damer.inference.recognizer import Recognizer
from damer.inference.sound import File2Emotion, Samples2Emotion

__all__ = ["File2Emotion", "Recognition", "Recognizer", "Samples2Emotion", "Views2Emotion"]
