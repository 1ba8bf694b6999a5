"""The three branches of an edep-sim ROOT file that uproot cannot read, from the raw bytes of an entry. Big endian.

ROOT writes the vectors of vectors here member by member: first one member of all objects, then the next. The layouts
hold for the streamer versions in STREAMERS. Every function takes the bytes of one entry and refuses any it cannot
account for, down to the last. Units: mm, ns, MeV.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# classes whose versions the layouts below belong to
STREAMERS = {
    "TG4Event": 1,
    "TG4PrimaryVertex": 2,
    "TG4PrimaryParticle": 1,
    "TG4Trajectory": 1,
    "TG4TrajectoryPoint": 1,
    "TG4HitSegment": 1,
}

COUNTED = 0x40000000  # flag of a count of the bytes that follow it
OBJECT_BYTES = 10  # TObject: version, id and bits
_HEAD = [("count", ">u4"), ("version", ">u2")]
_PLACE = [*_HEAD, ("object", "V10"), ("at", ">f8", (3,))]
VECTOR = np.dtype(_PLACE)  # TVector3
LORENTZ = np.dtype([*_HEAD, ("object", "V10"), ("space", VECTOR), ("time", ">f8")])  # TLorentzVector
HIT_END = np.dtype(
    [
        *(("primary", ">i4"), ("energy", ">f4"), ("secondary", ">f4"), ("length", ">f4")),
        *(("start", LORENTZ), ("stop", LORENTZ)),
    ]
)  # of a hit, what follows its list of contributors
HIT_FRONT_BYTES = 6 + OBJECT_BYTES + 6 + 4  # of a hit, what precedes the contributors: heads, and their number
VECTOR_VERSION, LORENTZ_VERSION = 3, 4


class Unreadable(ValueError):
    """Bytes that are not what the layout says."""


class Hits(NamedTuple):
    """The hits of a sensitive detector: int32[N] track and primary, float64[N] MeV, float64[N, 4] x, y, z [mm], t [ns].

    `track` is the first of the tracks that contributed.
    """

    track_N: NDArray[np.int32]
    primary_N: NDArray[np.int32]
    energy_N: NDArray[np.float64]
    start_N4: NDArray[np.float64]
    stop_N4: NDArray[np.float64]


class Points(NamedTuple):
    """Of each trajectory: int32[T] Geant4's type and subtype of the process that made it, float64[T, 4] x, y, z, t."""

    process_T: NDArray[np.int32]
    subprocess_T: NDArray[np.int32]
    start_T4: NDArray[np.float64]
    stop_T4: NDArray[np.float64]


class Particles(NamedTuple):
    """The particles of a vertex: int32[P] track and PDG code, float64[P, 4] px, py, pz, E [MeV]."""

    track_P: NDArray[np.int32]
    pdg_P: NDArray[np.int32]
    momentum_P4: NDArray[np.float64]


class _Bytes:
    """Bytes that are taken from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, num: int) -> bytes:
        """The next bytes."""
        if num > len(self._data) - self._at:
            raise Unreadable(f"{num} bytes are wanted at {self._at} of {len(self._data)}")
        self._at += num
        return self._data[self._at - num : self._at]

    def rows(self, dtype: np.dtype[Any] | str, num: int) -> NDArray[Any]:
        """The next values of a type."""
        kind = np.dtype(dtype)
        return np.frombuffer(self.take(kind.itemsize * num), kind)

    def count(self) -> int:
        """A number of things that follow."""
        return int(self.rows(">u4", 1)[0])

    def string(self) -> str:
        """A TString: its length in one byte, or in four behind 255."""
        num = self.take(1)[0]
        return self.take(self.count() if num == 255 else num).decode(errors="replace")

    def head(self, *, memberwise: bool) -> None:
        """The head of an entry: how many bytes follow, which must be all, and a version."""
        start, version = struct.unpack(">IH", self.take(6))
        if start != COUNTED + len(self._data) - 4 or bool(version & 0x4000) != memberwise:
            raise Unreadable(f"it begins with {self._data[:6].hex()}, {len(self._data)} bytes in all")
        if memberwise:
            self.take(2)

    def next_size(self) -> int:
        """Bytes of the object that begins here, by the count at its front, which is not taken."""
        size = self.count() - COUNTED + 4
        self._at -= 4
        if size < HIT_FRONT_BYTES + HIT_END.itemsize:
            raise Unreadable(f"an object of {size} bytes begins at {self._at}")
        return size

    def rest(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at


def read_hits(data: bytes) -> dict[str, Hits]:
    """Branch SegmentDetectors: the hits of each sensitive detector by its name.

    Raises:
        Unreadable: the bytes do not have this layout.
    """
    record = _Bytes(data)
    record.head(memberwise=False)
    detectors = {}
    for _ in range(record.count()):
        name = record.string()
        detectors[name] = _hits(record, record.count())
    if record.rest():
        raise Unreadable(f"{record.rest()} bytes are left behind the last hit")
    return detectors


def read_names(data: bytes) -> list[str]:
    """Branch SegmentDetectors: the names of the sensitive detectors alone.

    Raises:
        Unreadable: the bytes do not have this layout.
    """
    return list(read_hits(data))


def no_hits() -> Hits:
    """None at all."""
    return Hits(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0), np.zeros((0, 4)), np.zeros((0, 4)))


def read_points(data: bytes) -> Points:
    """Branch Trajectories.Points: begin and end of each trajectory.

    Raises:
        Unreadable: the bytes do not have this layout, or a trajectory has no points.
    """
    record = _Bytes(data)
    record.head(memberwise=True)
    ends: list[tuple[NDArray[Any], ...]] = []
    while record.rest():
        num = record.count()
        if num == 0:
            raise Unreadable(f"trajectory {len(ends)} has no points")
        record.take(OBJECT_BYTES * num)
        place = _lorentz(record.rows(LORENTZ, num)[[0, -1]])
        record.take(VECTOR.itemsize * num)
        process, subprocess = record.rows(">i4", num), record.rows(">i4", num)
        ends.append((process[0], subprocess[0], place[0], place[1]))
    processes = np.array([end[:2] for end in ends], np.int32).reshape(-1, 2)
    places = np.array([end[2:] for end in ends], np.float64).reshape(-1, 2, 4)
    return Points(processes[:, 0], processes[:, 1], places[:, 0], places[:, 1])


def read_particles(data: bytes) -> list[Particles]:
    """Branch Primaries.Particles: those of each vertex.

    Raises:
        Unreadable: the bytes do not have this layout.
    """
    record = _Bytes(data)
    record.head(memberwise=True)
    vertices = []
    while record.rest():
        num = record.count()
        record.take(OBJECT_BYTES * num)
        track = record.rows(">i4", num)
        record.take(6)
        for _ in range(num):
            record.string()
        pdg = record.rows(">i4", num)
        momentum = _lorentz(record.rows(LORENTZ, num))
        vertices.append(Particles(track.astype(np.int32), pdg.astype(np.int32), momentum))
    return vertices


def _hits(record: _Bytes, num: int) -> Hits:
    """Hits differ in size, as each lists its contributors."""
    fronts, ends = [], []
    for _ in range(num):
        hit = record.take(record.next_size())
        fronts.append(hit[HIT_FRONT_BYTES - 4 : HIT_FRONT_BYTES + 4])  # number of contributors, and the first of them
        ends.append(hit[-HIT_END.itemsize :])
        if len(hit) != HIT_FRONT_BYTES + 4 * struct.unpack(">I", fronts[-1][:4])[0] + HIT_END.itemsize:
            raise Unreadable(f"hit {len(ends) - 1} has {len(hit)} bytes")
    front, end = np.frombuffer(b"".join(fronts), ">i4").reshape(-1, 2), np.frombuffer(b"".join(ends), HIT_END)
    return Hits(
        track_N=np.where(front[:, 0] > 0, front[:, 1], end["primary"]).astype(np.int32),
        primary_N=end["primary"].astype(np.int32),
        energy_N=end["energy"].astype(np.float64),
        start_N4=_lorentz(end["start"]),
        stop_N4=_lorentz(end["stop"]),
    )


def _lorentz(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """float64[N, 4] of TLorentzVectors, whose heads must be what they always are."""
    heads = ((vectors, LORENTZ, LORENTZ_VERSION), (vectors["space"], VECTOR, VECTOR_VERSION))
    for rows, kind, version in heads:
        if np.any(rows["count"] != COUNTED + kind.itemsize - 4) or np.any(rows["version"] != version):
            raise Unreadable("a four-vector does not begin as one")
    return np.column_stack([vectors["space"]["at"], vectors["time"]]).astype(np.float64)
