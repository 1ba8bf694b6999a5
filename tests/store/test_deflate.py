"""Chunks that are shuffled and deflated are what inflating them gives back, without the bytes between fields."""

from __future__ import annotations

import zlib

import numpy as np

from nuweave.store.deflate import deflate_chunks, field_bytes
from nuweave.store.schema import PARTICLE, VOXEL

ROWS = 100


def test_a_chunk_is_the_zlib_stream_of_its_shuffled_rows() -> None:
    rows = np.random.default_rng(1).integers(0, 9, 3 * ROWS * 5, np.uint8)
    stored = deflate_chunks(rows, np.ones(5, bool), 5 * ROWS)
    assert [zlib.decompress(chunk) for chunk in stored] == [chunk.T.tobytes() for chunk in rows.reshape(3, ROWS, 5)]


def test_bytes_between_fields_are_stored_as_zero() -> None:
    rows = np.full(ROWS * VOXEL.itemsize, 7, np.uint8)
    (stored,) = deflate_chunks(rows, field_bytes(VOXEL), len(rows))
    planes = np.frombuffer(zlib.decompress(stored), np.uint8).reshape(VOXEL.itemsize, ROWS)
    assert planes[:12].min() == planes[:12].max() == 7
    assert not planes[12:].any()


def test_bytes_of_fields_are_found_in_nested_compounds_and_plain_types() -> None:
    assert field_bytes(np.dtype("f4")).tolist() == [True] * 4
    particle = field_bytes(PARTICLE)
    assert (len(particle), np.flatnonzero(~particle).tolist()) == (344, [6, 7])


def test_no_rows_are_no_chunks() -> None:
    assert deflate_chunks(np.zeros(0, np.uint8), np.ones(5, bool), 500) == []
