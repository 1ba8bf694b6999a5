"""edep-sim's own ROOT files, read without ROOT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nuweave.convert.event import Deposits, Event, Note, Provides
from nuweave.convert.sources.edepsim_bytes import Hits, no_hits, read_hits, read_names, read_particles, read_points
from nuweave.convert.sources.edepsim_h5 import POINT_DEPOSIT_CM
from nuweave.convert.sources.edepsim_tree import EdepSimTree, has_tree
from nuweave.convert.sources.edepsim_vertices import (
    CM_MM,
    US_NS,
    RootVertex,
    most_energetic,
    place_of,
    read_reaction,
    read_rows,
    site_label,
    vertex_of_hits,
)
from nuweave.convert.sources.semantics import Trajectories, label_deposits, num_unknown
from nuweave.convert.sources.source import choose_volume, event_numbers
from nuweave.physics.truth import SiteLabel

HITS, PARTICLES, POINTS = "SegmentDetectors", "Primaries/Primaries.Particles", "Trajectories/Trajectories.Points"


class EdepSimRoot:
    """A file of edep-sim. `volume` is the sensitive detector; it must be chosen where there are hits in several."""

    def __init__(self, path: Path, *, volume: str | None = None) -> None:
        self._tree = EdepSimTree(path)
        self._volume = self._choose_volume(volume)
        self._numbers = event_numbers(self._tree.whole("EventId"))
        reactions, generators = (
            [str(text) for texts in self._tree.whole(f"Primaries/Primaries.{name}") for text in texts]
            for name in ("Reaction", "GeneratorName")
        )
        is_known = bool(reactions) and None not in map(site_label, reactions, generators)
        self.provides = Provides(site_labels=is_known, semantics=True, vertex=True, particles=is_known, mode=is_known)
        self.generator: str | None = ", ".join(dict.fromkeys(generators)) or None
        self.generator_seed: str | None = None

    @staticmethod
    def probe(path: Path) -> bool:
        """Whether the file is a ROOT file with edep-sim's tree."""
        return has_tree(path)

    def __len__(self) -> int:
        return len(self._tree)

    def event(self, entry: int) -> Event:
        """Deposits in the chosen volume, their semantics, the vertex, and the neutrino where the vertices tell it."""
        hits = self._tree.decode(HITS, entry, read_hits).get(self._volume or "", no_hits())
        tracks, vertices = self._trajectories(entry), self._vertices(entry)
        semantic_N, num_missing = label_deposits(hits.track_N.astype(np.int64), tracks)
        notes: dict[Note, int] = {"missing_parent": num_missing, "unknown_pdg": num_unknown(tracks.pdg_T)}
        vertex_N = vertex_of_hits(hits.primary_N, vertices)
        is_known = self.provides.particles
        chosen = most_energetic(vertices, vertex_N, hits.energy_N, neutrinos=is_known)
        reaction = None if chosen is None else read_reaction(chosen.reaction)
        return Event(
            number=int(self._numbers[entry]),
            content=read_deposits(hits, self._origin(entry, vertices, vertex_N) if is_known else None, semantic_N),
            vertex=place_of(chosen),
            particles=read_rows(chosen) if is_known else None,
            mode=None if reaction is None else reaction.mode,
            notes={note: num for note, num in notes.items() if num},
        )

    def close(self) -> None:
        """Close the file."""
        self._tree.close()

    def _choose_volume(self, volume: str | None) -> str | None:
        """The sensitive detector to read; None where no event has hits at all."""
        entries = range(len(self._tree))
        names = sorted({name for entry in entries for name in self._tree.decode(HITS, entry, read_names)})
        return choose_volume(self._tree.path, names, volume) if names or volume else None

    def _trajectories(self, entry: int) -> Trajectories:
        track_T, parent_T, pdg_T = (
            np.asarray(self._tree.leaf(f"Trajectories/Trajectories.{name}", entry), np.int64)
            for name in ("TrackId", "ParentId", "PDGCode")
        )
        energy_T = np.asarray(self._tree.leaf("Trajectories/Trajectories.InitialMomentum", entry)["fE"], np.float64)
        points = self._tree.decode(POINTS, entry, read_points)
        if len(points.process_T) != len(track_T):
            raise self._tree.unreadable(POINTS, entry, f"has {len(points.process_T)} of {len(track_T)} trajectories")
        process_T, subprocess_T = points.process_T.astype(np.int64), points.subprocess_T.astype(np.int64)
        return Trajectories(track_T, parent_T, pdg_T, energy_T, process_T, subprocess_T)

    def _vertices(self, entry: int) -> list[RootVertex]:
        places, reactions, generators = (
            self._tree.leaf(f"Primaries/Primaries.{name}", entry) for name in ("Position", "Reaction", "GeneratorName")
        )
        particles = self._tree.decode(PARTICLES, entry, read_particles)
        if len(particles) != len(places):
            raise self._tree.unreadable(PARTICLES, entry, f"has {len(particles)} of {len(places)} vertices")
        return [
            RootVertex(
                np.array([place["fP"]["fX"], place["fP"]["fY"], place["fP"]["fZ"], place["fE"]], np.float64),
                str(reaction), str(generator), primaries,
            )
            for place, reaction, generator, primaries in zip(places, reactions, generators, particles, strict=True)
        ]  # fmt: skip

    def _origin(self, entry: int, vertices: list[RootVertex], vertex_N: NDArray[np.int64]) -> NDArray[np.int8]:
        """int8[N], the SiteLabel of each hit."""
        if np.any(vertex_N < 0):
            raise self._tree.unreadable(HITS, entry, "the primary particle of a hit is in no vertex")
        labels = [site_label(vertex.reaction, vertex.generator) or SiteLabel.BACKGROUND for vertex in vertices]
        return np.array(labels, np.int8)[vertex_N]


def read_deposits(hits: Hits, origin_N: NDArray[np.int8] | None, semantic_N: NDArray[np.int8] | None) -> Deposits:
    """Deposits of hits, in cm and us."""
    start, stop = CM_MM * hits.start_N4[:, :3], CM_MM * hits.stop_N4[:, :3]
    length = np.maximum(np.linalg.norm(stop - start, axis=1), POINT_DEPOSIT_CM)
    return Deposits(
        start_cm_N3=start,
        end_cm_N3=stop,
        time_us_N=0.5 * US_NS * (hits.start_N4[:, 3] + hits.stop_N4[:, 3]),
        energy_mev_N=hits.energy_N,
        dedx_mev_cm_N=hits.energy_N / length,
        origin_N=origin_N,
        semantic_N=semantic_N,
    )
