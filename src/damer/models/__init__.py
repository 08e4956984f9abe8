"""The network, its configuration and its checkpoints."""

from damer.models.config import DamerConfig
from damer.models.damer import Damer, DamerOutput

__all__ = ["Damer", "DamerConfig", "DamerOutput"]
