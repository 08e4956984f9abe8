"""Corpora brought to one record, splits that do not leak, and the preparation of both views for training."""

from damer.datasets.base import Corpus
from damer.datasets.emopia import Emopia
from damer.datasets.emotify import Emotify
from damer.datasets.folder import Folder, labelled_folder
from damer.datasets.prepared import Prepared, open_prepared
from damer.datasets.vgmidi import Vgmidi

CORPORA: dict[str, Corpus] = {corpus.name: corpus for corpus in (Vgmidi(), Emopia(), Emotify(), Folder())}

__all__ = [
    "CORPORA",
    "Corpus",
    "Emopia",
    "Emotify",
    "Folder",
    "Prepared",
    "Vgmidi",
    "labelled_folder",
    "open_prepared",
]
