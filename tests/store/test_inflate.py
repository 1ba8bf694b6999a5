"""Chunks become rows as zlib and HDF5's shuffle have them; one that is not whole is told by its number."""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from nuweave.store.inflate import ALL_RIGHT, inflate_chunks

ITEMSIZE, ROWS = 5, 8
CHUNK = ITEMSIZE * ROWS


def shuffled(rows: bytes) -> bytes:
    """All first bytes of the rows, then all second ones, and so on."""
    return np.frombuffer(rows, np.uint8).reshape(ROWS, ITEMSIZE).T.tobytes()


def inflate(
    chunks: list[bytes], *, is_deflated: list[bool], is_shuffled: list[bool], chunk_bytes: int = CHUNK
) -> tuple[int, NDArray[np.uint8]]:
    sizes = np.array([len(chunk) for chunk in chunks], np.int64)
    out = np.full(len(chunks) * chunk_bytes, 77, np.uint8)
    bad = inflate_chunks(
        np.frombuffer(b"".join(chunks), np.uint8).copy(),
        np.cumsum(sizes) - sizes,
        sizes,
        np.array(is_deflated, bool),
        np.array(is_shuffled, bool),
        ITEMSIZE,
        chunk_bytes,
        out,
    )
    return bad, out


def content(num: int) -> list[bytes]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 4, CHUNK, np.uint8).tobytes() for _ in range(num)]


def test_deflated_and_shuffled_chunks_stand_beside_plain_ones() -> None:
    rows = content(4)
    stored = [rows[0], zlib.compress(rows[1]), shuffled(rows[2]), zlib.compress(shuffled(rows[3]))]
    bad, out = inflate(stored, is_deflated=[False, True, False, True], is_shuffled=[False, False, True, True])
    assert bad == ALL_RIGHT
    assert out.tobytes() == b"".join(rows)


def test_no_chunk_is_no_rows() -> None:
    bad, out = inflate([], is_deflated=[], is_shuffled=[])
    assert (bad, len(out)) == (ALL_RIGHT, 0)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        zlib.compress(bytes(CHUNK))[:-1],
        zlib.compress(bytes(CHUNK))[:-1] + b"\0",
        zlib.compress(bytes(CHUNK - 1)),
        zlib.compress(bytes(CHUNK + 1)),
        bytes(CHUNK),
    ],
    ids=["nothing", "cut", "checksum", "too_short", "too_long", "not_deflated"],
)
@pytest.mark.parametrize("is_shuffled", [False, True])
def test_a_chunk_that_is_not_whole_is_told(damaged: bytes, is_shuffled: bool) -> None:
    stored = [zlib.compress(bytes(CHUNK)), damaged, zlib.compress(bytes(CHUNK))]
    assert inflate(stored, is_deflated=[True] * 3, is_shuffled=[is_shuffled] * 3)[0] == 1


def test_a_plain_chunk_of_another_length_is_told() -> None:
    assert inflate([bytes(CHUNK), bytes(CHUNK - 1)], is_deflated=[False] * 2, is_shuffled=[False] * 2)[0] == 1


def test_threads_inflate_side_by_side() -> None:
    rows = content(64)
    stored = [zlib.compress(chunk) for chunk in rows]

    def one(_: int) -> bytes:
        return inflate(stored, is_deflated=[True] * 64, is_shuffled=[False] * 64)[1].tobytes()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(one, range(32))) == {b"".join(rows)}
