"""MicroBooNE's open data in HDF5: hits on wires as images, labelled by the neutrino's energy deposits.

Written from the published description of the tables (DOI 10.5281/zenodo.8370883 and its companions) alone: no real file
was at hand, so trust it only after a look at the first events of yours. In the overlay samples cosmic rays are data,
which leave no row in edep_table: a hit without one is COSMIC, noise among them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nuweave.convert.event import Event, Images, Provides, neutrino_vertex
from nuweave.convert.sources.sites import number_sites, padded_shape, sum_image, vertex_cluster
from nuweave.convert.sources.source import has_parts, open_parts, reading, require_no_volume
from nuweave.physics.constants import MASS_MEV
from nuweave.physics.truth import NEUTRAL_CURRENT, SiteLabel
from nuweave.store import PARTICLE, SparseImage

NUM_WIRES = (2400, 2400, 3456)
NUM_TICKS = 6400  # of 0.5 us
SHAPE = padded_shape(*((wires, NUM_TICKS) for wires in NUM_WIRES))
TABLES = ("event_table", "hit_table", "edep_table", "particle_table")
INDEX = "event_id.seq_cnt"
PARTS = tuple(f"{table}/{INDEX}" for table in TABLES)
NEUTRINO = ("is_cc", "nu_pdg", "nu_energy", "nu_dir", "nu_vtx", "nu_vtx_wire_pos", "nu_vtx_wire_time")
UNKNOWN = np.nan


class Uboone:
    """A file of overlay events; positions in the file number the events."""

    def __init__(self, path: Path, *, volume: str | None = None) -> None:
        require_no_volume(path, volume)
        self._path = path
        with open_parts(path, PARTS) as self._file, reading(path, f"index {INDEX}"):
            self._num_events = len(self._file["event_table/event_id"])
            self._spans = {table: read_spans(self._file[table], self._num_events) for table in TABLES}
        self.provides = Provides(site_labels=True, semantics=False, vertex=True, particles=True, mode=False)
        self.generator: str | None = None
        self.generator_seed: str | None = None

    @staticmethod
    def probe(path: Path) -> bool:
        """Whether the file has the tables and their indices."""
        return has_parts(path, PARTS)

    def __len__(self) -> int:
        return self._num_events

    def event(self, entry: int) -> Event:
        """Images of the three planes, and the neutrino."""
        with reading(self._path, f"entry {entry}"):
            hits = self._columns("hit_table", entry, "hit_id", "local_plane", "local_wire", "local_time", "integral")
            seen = self._columns("edep_table", entry, "hit_id")["hit_id"]
            neutrino = self._columns("event_table", entry, *NEUTRINO)
            particles = self._columns("particle_table", entry, "g4_pdg", "parent_id", "momentum")
            rows = read_particles(neutrino, particles)
            content = read_images(hits, seen, neutrino)
        return Event(entry, content, neutrino_vertex(rows), rows, None)

    def _columns(self, table: str, entry: int, *names: str) -> dict[str, NDArray[Any]]:
        """Columns of the rows of an event; one of a single number a row becomes a plain list of them."""
        first, end = self._spans[table][entry]
        columns = {name: self._file[f"{table}/{name}"][first:end] for name in names}
        return {name: column[:, 0] if column.shape[1:] == (1,) else column for name, column in columns.items()}

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_spans(table: h5py.Group, num_events: int) -> NDArray[np.int64]:
    """int64[E, 2], first and end of the rows of each event.

    Raises:
        ValueError: the index does not fit the table.
    """
    index = table[INDEX][:].astype(np.int64)
    ends = np.cumsum(index[:, 1])
    num_rows = len(table["event_id"])
    if np.any((index[:, 0] < 0) | (index[:, 0] >= num_events)) or (len(ends) and int(ends[-1]) != num_rows):
        raise ValueError(f"that of {table.name} does not lead to {num_rows} rows of {num_events} events")
    spans = np.zeros((num_events, 2), np.int64)
    spans[index[:, 0]] = np.stack([ends - index[:, 1], ends], axis=1)
    return spans


def read_images(hits: dict[str, NDArray[Any]], seen: NDArray[Any], neutrino: dict[str, NDArray[Any]]) -> Images:
    """An image a plane, of the integrals of hits [ADC ticks], a hit where its peak is.

    Args:
        hits: of an event.
        seen: hit_id of the hits with energy of the neutrino's interaction.
        neutrino: its row of event_table, for the vertex in wires and ticks.
    """
    label_N = np.where(np.isin(hits["hit_id"], seen), SiteLabel.NEUTRINO, SiteLabel.COSMIC)
    sites_N2 = np.floor(np.stack([hits["local_wire"], hits["local_time"]], axis=1)).astype(np.int64)
    values, labels, vertices = [], [], []
    for plane, num_wires in enumerate(NUM_WIRES):
        here = hits["local_plane"] == plane
        number_sites(sites_N2[here], (num_wires, NUM_TICKS))  # refuses what the padding would let pass
        ids, of_N = number_sites(sites_N2[here], SHAPE)
        largest = np.zeros(len(ids), np.float32)
        np.maximum.at(largest, of_N, label_N[here].astype(np.float32))
        values.append(sum_image(ids, of_N, hits["integral"][here].astype(np.float64), SHAPE, plane))
        labels.append(SparseImage(ids, largest, SHAPE, plane))
        place = np.array([neutrino["nu_vtx_wire_pos"][0, plane], neutrino["nu_vtx_wire_time"][0]], np.float64)
        vertices.append(vertex_cluster(place, SHAPE, plane))
    return Images(values, labels, None, vertices)


def read_particles(neutrino: dict[str, NDArray[Any]], particles: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """The neutrino and the primary particles as rows of PARTICLE; what the tables do not say is NaN.

    Args:
        neutrino: its row of event_table (GeV, cm).
        particles: rows of particle_table (GeV/c); parent 0 is that of primaries.
    """
    primary = particles["parent_id"] == 0
    pdg, momentum = particles["g4_pdg"][primary].astype(np.int64), particles["momentum"][primary].astype(np.float64)
    mass = np.array([MASS_MEV.get(abs(int(code)), UNKNOWN) for code in pdg]) / 1000.0
    rows = np.zeros(1 + len(pdg), PARTICLE)
    rows["pdg"] = [int(neutrino["nu_pdg"][0]), *pdg]
    rows["energy_init"] = [float(neutrino["nu_energy"][0]), *np.hypot(momentum, mass)]
    rows["current_type"], rows["interaction_type"] = -1, -1
    rows["current_type"][0] = 0 if neutrino["is_cc"][0] else NEUTRAL_CURRENT
    for axis, name in enumerate("xyz"):
        rows["vtx"][name] = neutrino["nu_vtx"][0, axis]
        rows[f"p{name}"] = UNKNOWN
        rows[f"p{name}"][0] = neutrino["nu_energy"][0] * neutrino["nu_dir"][0, axis]
    rows["vtx"]["t"] = UNKNOWN
    return rows
