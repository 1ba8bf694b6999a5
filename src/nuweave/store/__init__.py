"""The larcv3 and edep-sim HDF5 layouts: the only room that knows paths inside a file. No torch, no larcv."""

from nuweave.store.files import DamagedEventError, Fault, StoreError, file_state, open_h5, write_aside
from nuweave.store.reader import ShardReader, require_same_sites
from nuweave.store.schema import PARTICLE, Clusters, EventId, SparseImage
from nuweave.store.sites import Columns, SiteReader, even_pieces, id_type
from nuweave.store.sums import sums_path
from nuweave.store.writer import ShardWriter

__all__ = [
    "PARTICLE",
    "Clusters",
    "Columns",
    "DamagedEventError",
    "EventId",
    "Fault",
    "ShardReader",
    "ShardWriter",
    "SiteReader",
    "SparseImage",
    "StoreError",
    "even_pieces",
    "file_state",
    "id_type",
    "open_h5",
    "require_same_sites",
    "sums_path",
    "write_aside",
]
