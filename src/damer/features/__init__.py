"""From samples to the two views, and where they are kept."""

from damer.features.extraction import Views, extract, extract_blocks, extract_file, join
from damer.features.spec import FeatureSpec
from damer.features.store import FeatureStore

__all__ = ["FeatureSpec", "FeatureStore", "Views", "extract", "extract_blocks", "extract_file", "join"]
