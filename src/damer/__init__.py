"""Music emotion recognition: arousal and valence, second by second.

Importing `damer` is light; torch is loaded on first use of a name that needs it.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Recognizer", "__version__"]

if TYPE_CHECKING:
    from damer.inference import Recognizer


def __getattr__(name: str) -> Any:
    if name == "Recognizer":
        from damer.inference import Recognizer

        return Recognizer
    raise AttributeError(f"module 'damer' has no attribute {name!r}")
