"""The larcv3 and edep-sim HDF5 layouts: the only room that knows paths inside a file. No torch, no larcv."""

from nuweave.store.files import StoreError, open_h5, write_aside
from nuweave.store.reader import ShardReader, require_same_sites
from nuweave.store.schema import PARTICLE, Clusters, EventId, SparseImage
from nuweave.store.writer import ShardWriter

__all__ = [
    "PARTICLE",
    "Clusters",
    "EventId",
    "ShardReader",
    "ShardWriter",
    "SparseImage",
    "StoreError",
    "open_h5",
    "require_same_sites",
    "write_aside",
]
