"""Chunks of a dataset become rows in compiled code, without Python's lock: libdeflate's inflate, then HDF5's unshuffle.

libdeflate comes with the package `deflate`. Its Python function takes and gives the lock once a chunk of 16 kB, and two
threads gained a third by it; called from compiled code, an event at a time, they double (docs/loader.md).
"""

from __future__ import annotations

import deflate._deflate
import llvmlite.binding
import numpy as np
from numba import types
from numpy.typing import NDArray

from nuweave.physics.compiled import compiler

compiled = compiler(__file__)
llvmlite.binding.load_library_permanently(deflate._deflate.__file__)
_new_decompressor = types.ExternalFunction("libdeflate_alloc_decompressor", types.uintp())
_free_decompressor = types.ExternalFunction("libdeflate_free_decompressor", types.void(types.uintp))
_zlib_decompress = types.ExternalFunction(
    "libdeflate_zlib_decompress",
    types.int32(types.uintp, types.uintp, types.uintp, types.uintp, types.uintp, types.uintp),
)

ALL_RIGHT = -1


@compiled
def inflate_chunks(
    stored: NDArray[np.uint8],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    is_deflated: NDArray[np.bool_],
    is_shuffled: NDArray[np.bool_],
    itemsize: int,
    chunk_bytes: int,
    out: NDArray[np.uint8],
) -> int:
    """Rows of some chunks, one chunk after the other.

    Args:
        stored: the bytes of the chunks as they lie in the file.
        starts: where each chunk begins in `stored`.
        sizes: stored bytes of each.
        is_deflated: whether each was deflated (zlib format, whose checksum is verified).
        is_shuffled: whether each was shuffled before.
        itemsize: bytes a row.
        chunk_bytes: bytes of a chunk's rows.
        out: written, chunks * chunk_bytes.
    Returns:
        ALL_RIGHT, or the first chunk that is not `chunk_bytes` of rows; the output is then not to be used.
    """
    decompressor = _new_decompressor()
    whole = np.empty(chunk_bytes, np.uint8)
    written = np.zeros(1, np.uint64)
    rows = chunk_bytes // itemsize
    bad = ALL_RIGHT
    for chunk in range(len(starts)):
        data = stored[starts[chunk] : starts[chunk] + sizes[chunk]]
        into = out[chunk * chunk_bytes : (chunk + 1) * chunk_bytes]
        plain = whole if is_shuffled[chunk] else into
        if is_deflated[chunk]:
            fault = _zlib_decompress(
                decompressor, data.ctypes.data, len(data), plain.ctypes.data, chunk_bytes, written.ctypes.data
            )
            if fault != 0 or written[0] != chunk_bytes:
                bad = chunk
                break
        else:
            if len(data) != chunk_bytes:
                bad = chunk
                break
            plain[:] = data
        if is_shuffled[chunk]:
            for byte in range(itemsize):
                for row in range(rows):
                    into[row * itemsize + byte] = whole[byte * rows + row]
    _free_decompressor(decompressor)
    return bad
