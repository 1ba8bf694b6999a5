"""Networks, one architecture a file: sparse features in, logits out; no loss, no files."""

from nuweave.models.build import build_network
from nuweave.models.logits import AnchorOutputs, Logits, Outputs
from nuweave.models.recompute import recompute_blocks

__all__ = ["AnchorOutputs", "Logits", "Outputs", "build_network", "recompute_blocks"]
