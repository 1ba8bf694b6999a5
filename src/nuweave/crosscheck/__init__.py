"""larcv itself, in an environment of its own, as the judge of the files that we read and write. No torch, no larcv."""

from nuweave.crosscheck.compare import Comparison, Difference, check, compare, roundtrip
from nuweave.crosscheck.content import Content, read_content

__all__ = ["Comparison", "Content", "Difference", "check", "compare", "read_content", "roundtrip"]
