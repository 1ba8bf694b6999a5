"""Networks, one architecture a file: sparse features in, logits out; no loss, no files."""

from nuweave.models.build import build_network
from nuweave.models.logits import AnchorOutputs, Logits, Outputs

__all__ = ["AnchorOutputs", "Logits", "Outputs", "build_network"]
