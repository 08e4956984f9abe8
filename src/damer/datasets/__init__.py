"""Corpora brought to one record, splits that do not leak, and the preparation of both views for training."""

from damer.datasets.amg1608 import Amg1608
from damer.datasets.base import Corpus
from damer.datasets.deam import Deam
from damer.datasets.emopia import Emopia
from damer.datasets.emotify import Emotify
from damer.datasets.folder import Folder, labelled_folder
from damer.datasets.memo2496 import Memo2496
from damer.datasets.pmemo import Pmemo
from damer.datasets.prepared import Prepared, open_prepared
from damer.datasets.release import Release
from damer.datasets.songs1000 import Songs1000
from damer.datasets.trompa import Trompa
from damer.datasets.vgmidi import Vgmidi

CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        Memo2496(),
        Songs1000(),
        Amg1608(),
        Vgmidi(),
        Emopia(),
        Trompa(),
        Pmemo(),
        Deam(),
        Emotify(),
        Folder(),
        Release(),
    )
}

# Other names under which some of them are known.
ALIASES = {"emomusic": "1000songs", "trompa-mer": "trompa", "pmemo2019": "pmemo", "memo": "memo2496"}

__all__ = [
    "ALIASES",
    "CORPORA",
    "Amg1608",
    "Corpus",
    "Deam",
    "Emopia",
    "Emotify",
    "Folder",
    "Memo2496",
    "Pmemo",
    "Prepared",
    "Release",
    "Songs1000",
    "Trompa",
    "Vgmidi",
    "labelled_folder",
    "open_prepared",
]
