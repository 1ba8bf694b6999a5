"""Networks, one architecture a file: sparse features in, logits out; no loss, no files."""

from nuweave.models.build import build_network
from nuweave.models.logits import EventLogits, SegmentationLogits

__all__ = ["EventLogits", "SegmentationLogits", "build_network"]
