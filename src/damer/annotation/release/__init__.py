"""A study made into a dataset that can be published, checked and loaded."""

from damer.annotation.release.about import About, read_about
from damer.annotation.release.build import ReleaseSettings, release
from damer.annotation.release.datasheet import open_questions

__all__ = ["About", "ReleaseSettings", "open_questions", "read_about", "release"]
