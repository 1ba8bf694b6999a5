"""One table row an event, leak-free splits, and the packed files that training reads. No torch."""

from nuweave.catalog.pack import pack_part
from nuweave.catalog.products import image_and_label, read_classes, read_vertices
from nuweave.catalog.quality import QualityError, measure_quality, read_packed
from nuweave.catalog.split import SplitError, make_split
from nuweave.catalog.table import build_catalog, read, write

__all__ = [
    "QualityError",
    "SplitError",
    "build_catalog",
    "image_and_label",
    "make_split",
    "measure_quality",
    "pack_part",
    "read",
    "read_classes",
    "read_packed",
    "read_vertices",
    "write",
]
