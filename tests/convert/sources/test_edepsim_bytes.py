"""Bytes as ROOT writes them, put together by hand; what does not add up to the last byte is refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from nuweave.convert.sources.edepsim_bytes import Unreadable, read_hits, read_names, read_particles, read_points

OBJECT = bytes.fromhex("0001 00000000 02000000")  # TObject: version, id, bits
COUNTED = 0x40000000


def counted(version: int, content: bytes) -> bytes:
    """An object: the count of its bytes behind the count, its version, its content."""
    return struct.pack(">IH", COUNTED + 2 + len(content), version) + content


def entry(content: bytes) -> bytes:
    """A branch written member by member: the class has version 1."""
    return counted(0x4009, struct.pack(">H", 1) + content)


def vector(x: float, y: float, z: float) -> bytes:
    return counted(3, OBJECT + struct.pack(">3d", x, y, z))


def lorentz(x: float, y: float, z: float, t: float) -> bytes:
    return counted(4, OBJECT + vector(x, y, z) + struct.pack(">d", t))


def hit(contributors: list[int], primary: int, energy: float, x: float) -> bytes:
    listed = counted(9, struct.pack(f">I{len(contributors)}i", len(contributors), *contributors))
    numbers = struct.pack(">ifff", primary, energy, energy, 1.0)
    return counted(1, OBJECT + listed + numbers + lorentz(x, 0, 0, 5) + lorentz(x + 1, 0, 0, 6))


def detectors(**hits: list[bytes]) -> bytes:
    parts = [
        bytes([len(name)]) + name.encode() + struct.pack(">I", len(of)) + b"".join(of) for name, of in hits.items()
    ]
    return counted(9, struct.pack(">I", len(parts)) + b"".join(parts))


def points(*processes: tuple[int, int]) -> bytes:
    """A trajectory along x, 10 mm a point."""
    num = len(processes)
    places = b"".join(lorentz(10.0 * at, 1, 2, 3) for at in range(num))
    columns = [struct.pack(f">{num}i", *column) for column in zip(*processes, strict=True)]
    return struct.pack(">I", num) + num * OBJECT + places + num * vector(0, 0, 1) + b"".join(columns)


def particles(*rows: tuple[int, str, int, float]) -> bytes:
    """The particles of a vertex: track, name, PDG code, pz."""
    tracks, names, codes, momenta = zip(*rows, strict=True)
    texts = b"".join(bytes([len(name)]) + name.encode() for name in names)
    named = struct.pack(">IH", COUNTED + 2 + len(texts), 9) + texts
    numbers = [struct.pack(f">{len(rows)}i", *column) for column in (tracks, codes)]
    energies = b"".join(lorentz(0, 0, pz, 2 * pz) for pz in momenta)
    return struct.pack(">I", len(rows)) + len(rows) * OBJECT + numbers[0] + named + numbers[1] + energies


def test_hits_with_one_and_with_more_contributors() -> None:
    data = detectors(drift=[hit([4], 1, 0.5, 10.0), hit([7, 8, 9], 2, 1.5, 20.0), hit([], 3, 2.5, 30.0)], cryo=[])
    assert read_names(data) == ["drift", "cryo"]
    hits = read_hits(data)["drift"]
    assert hits.track_N.tolist() == [4, 7, 3]  # nobody contributed to the last: its primary stands in
    assert hits.primary_N.tolist() == [1, 2, 3]
    assert hits.energy_N.tolist() == [0.5, 1.5, 2.5]
    assert hits.start_N4.tolist() == [[10, 0, 0, 5], [20, 0, 0, 5], [30, 0, 0, 5]]
    assert hits.stop_N4.tolist() == [[11, 0, 0, 6], [21, 0, 0, 6], [31, 0, 0, 6]]
    assert len(read_hits(data)["cryo"].track_N) == 0


def test_a_long_name_has_its_length_in_four_bytes() -> None:
    name = 300 * b"d"
    data = counted(9, struct.pack(">I", 1) + b"\xff" + struct.pack(">I", 300) + name + struct.pack(">I", 0))
    assert read_names(data) == [name.decode()]


def test_trajectories_have_their_first_process_and_both_ends() -> None:
    found = read_points(entry(points((2, 3), (2, 2), (1, 91)) + points((6, 201), (2, 2))))
    assert (found.process_T.tolist(), found.subprocess_T.tolist()) == ([2, 6], [3, 201])
    assert found.start_T4.tolist() == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert found.stop_T4.tolist() == [[20, 1, 2, 3], [10, 1, 2, 3]]


def test_particles_come_vertex_by_vertex() -> None:
    first, second = read_particles(
        entry(particles((0, "mu-", 13, 500.0), (1, "proton", 2212, 40.0)) + particles((2, "e-", 11, 9.0)))
    )
    assert (first.track_P.tolist(), first.pdg_P.tolist()) == ([0, 1], [13, 2212])
    assert first.momentum_P4.tolist() == [[0, 0, 500, 1000], [0, 0, 40, 80]]
    assert (second.track_P.tolist(), second.pdg_P.tolist()) == ([2], [11])


def test_empty_events_are_read() -> None:
    assert read_hits(detectors()) == {}
    assert read_points(entry(b"")).start_T4.shape == (0, 4)
    assert read_particles(entry(b"")) == []


HITS = detectors(drift=[hit([4], 1, 0.5, 10.0), hit([7, 8], 2, 1.5, 20.0)])
POINTS, PARTICLES = entry(points((0, 0), (2, 2))), entry(particles((0, "mu-", 13, 500.0)))


@pytest.mark.parametrize(("read", "data"), [(read_hits, HITS), (read_points, POINTS), (read_particles, PARTICLES)])
def test_every_cut_and_every_byte_too_many_is_refused(read: object, data: bytes) -> None:
    assert callable(read)
    read(data)
    for wrong in [data[:end] for end in range(len(data))] + [data + b"\0", counted(9, data)]:
        with pytest.raises(Unreadable):
            read(wrong)


def test_bytes_left_over_inside_are_refused() -> None:
    with pytest.raises(Unreadable, match="4 bytes are left behind the last hit"):
        read_hits(counted(9, HITS[6:] + b"\0\0\0\0"))


def test_four_vectors_of_another_version_are_refused() -> None:
    at = HITS.index(struct.pack(">IH", COUNTED + 60, 4))
    wrong = HITS[: at + 5] + b"\5" + HITS[at + 6 :]
    with pytest.raises(Unreadable, match="does not begin as one"):
        read_hits(wrong)


def test_random_bytes_never_pass() -> None:
    rng = np.random.default_rng(2)
    for size in (0, 5, 40, 400):
        for read in (read_hits, read_points, read_particles):
            with pytest.raises(Unreadable):
                read(rng.bytes(size))
