"""The protocol of a study as pure code: no clock, no file, no network; whoever calls brings the time."""

from damer.annotation.protocol.settings import PROTOCOL, StudySettings

__all__ = ["PROTOCOL", "StudySettings"]
