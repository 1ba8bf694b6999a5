"""edep-sim HDF5 with generator truth, as 2x2_sim and the embedded generator write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.convert.event import Deposits, Event, Provides, neutrino_vertex
from nuweave.convert.sources.source import is_hdf5, require_no_volume
from nuweave.physics.truth import NEUTRAL_CURRENT, Mode, SiteLabel
from nuweave.store import PARTICLE, open_h5
from nuweave.store.edepsim import TABLES, EdepSimEvents, read_edepsim

FINAL_STATE = 1  # part_status in mc_stack
# flags of mc_hdr; `reaction` does not serve, each generator has a scheme of its own for it
MODE_OF_FLAG = {"isQES": Mode.QE, "isRES": Mode.RES, "isDIS": Mode.DIS, "isMEC": Mode.OTHER, "isCOH": Mode.OTHER}
POINT_DEPOSIT_CM = 0.01  # a shorter step has no energy loss a length of its own; this one stands in


class EdepSimH5:
    """A file in the dialect with segments, trajectories, vertices, mc_hdr and mc_stack."""

    def __init__(self, path: Path, *, volume: str | None = None) -> None:
        require_no_volume(path, volume)
        self._tables: EdepSimEvents = read_edepsim(path)
        self._numbers = self._tables.event_ids
        names = ("segments", "vertices", "mc_hdr", "mc_stack")
        self._rows = {name: _RowsByEvent(getattr(self._tables, name)) for name in names}
        has_mode = set(MODE_OF_FLAG) <= set(self._tables.mc_hdr.dtype.names or ())
        self.provides = Provides(site_labels=True, semantics=False, vertex=True, particles=True, mode=has_mode)
        generator, seed = (self._tables.attributes.get(name) for name in ("generator", "generator_seed"))
        self.generator = None if generator is None else str(generator)
        self.generator_seed = None if seed is None else str(seed)

    @staticmethod
    def probe(path: Path) -> bool:
        """Whether the file has every table of the dialect."""
        if not is_hdf5(path):
            return False
        with open_h5(path) as file:
            return all(name in file for name in TABLES)

    def __len__(self) -> int:
        return len(self._numbers)

    def event(self, entry: int) -> Event:
        """Deposits and generator truth of an event."""
        number = int(self._numbers[entry])
        segments, vertices, header, stack = (rows.of(number) for rows in self._rows.values())
        trigger_us = float(vertices["t_event"][0]) if "t_event" in (vertices.dtype.names or ()) else 0.0
        deposits = read_deposits(segments, header, trigger_us=trigger_us)
        neutrino = event_neutrino(segments, header)
        particles = read_particles(neutrino, stack, trigger_us=trigger_us)
        mode = read_mode(neutrino) if self.provides.mode else None
        return Event(number, deposits, neutrino_vertex(particles), particles, mode)

    def close(self) -> None:
        """Nothing is left open: the tables were read whole."""


class _RowsByEvent:
    """The rows of a table by event, whatever their order in the file."""

    def __init__(self, table: NDArray[Any]) -> None:
        numbers = table["event_id"]
        ordered = bool(np.all(numbers[:-1] <= numbers[1:]))
        self._table = table if ordered else table[np.argsort(numbers, kind="stable")]
        self._numbers = self._table["event_id"]

    def of(self, number: int) -> NDArray[Any]:
        first, end = np.searchsorted(self._numbers, [number, number + 1])
        rows: NDArray[Any] = self._table[first:end]
        return rows


def read_deposits(segments: NDArray[Any], header: NDArray[Any], *, trigger_us: float) -> Deposits:
    """Deposits of one event.

    Args:
        segments: rows of `segments`.
        header: rows of `mc_hdr`: a deposit belongs to the neutrino when its vertex has a row here.
        trigger_us: time of the trigger on the file's clock.
    """
    start, end = (
        np.stack([segments[f"{axis}_{edge}"] for axis in "xyz"], axis=1).astype(np.float64) for edge in ("start", "end")
    )
    energy = segments["dE"].astype(np.float64)
    is_neutrino = np.isin(segments["vertex_id"], header["vertex_id"])
    # the stored dx is not the step's length in every version of edep-sim
    length = np.maximum(np.linalg.norm(end - start, axis=1), POINT_DEPOSIT_CM)
    return Deposits(
        start_cm_N3=start,
        end_cm_N3=end,
        time_us_N=0.5 * (segments["t0_start"] + segments["t0_end"]) - trigger_us,
        energy_mev_N=energy,
        dedx_mev_cm_N=energy / length,
        origin_N=np.where(is_neutrino, SiteLabel.NEUTRINO, SiteLabel.COSMIC).astype(np.int8),
        semantic_N=None,
    )


def event_neutrino(segments: NDArray[Any], header: NDArray[Any]) -> NDArray[Any]:
    """The row of `mc_hdr` of the event's neutrino, or no row: of several, the one that deposited most energy."""
    deposited = [float(segments["dE"][segments["vertex_id"] == vertex].sum()) for vertex in header["vertex_id"]]
    chosen: NDArray[Any] = header[[int(np.argmax(deposited))]] if deposited else header
    return chosen


def read_mode(neutrino: NDArray[Any]) -> Mode | None:
    """The mode that is flagged in the row of a neutrino; None where none is, and without a row."""
    return next((mode for flag, mode in MODE_OF_FLAG.items() if neutrino[flag].any()), None)


def read_particles(chosen: NDArray[Any], stack: NDArray[Any], *, trigger_us: float) -> NDArray[Any]:
    """The neutrino and its final state as rows of PARTICLE; no rows without a neutrino.

    Args:
        chosen: the row of `mc_hdr` of the neutrino, or no row.
        stack: rows of `mc_stack`.
        trigger_us: time of the trigger on the file's clock.
    """
    if len(chosen) == 0:
        return np.zeros(0, PARTICLE)
    neutrino = chosen[0]
    final = stack[(stack["vertex_id"] == neutrino["vertex_id"]) & (stack["part_status"] == FINAL_STATE)]
    rows = np.zeros(1 + len(final), PARTICLE)
    rows["pdg"] = [neutrino["nu_pdg"], *final["part_pdg"]]
    rows["energy_init"] = np.array([neutrino["Enu"], *final["part_4mom"][:, 3]], np.float64) / 1000.0
    for name, momentum in zip(("px", "py", "pz"), final["part_4mom"].T, strict=False):
        rows[name][1:] = momentum.astype(np.float64) / 1000.0
    rows["current_type"], rows["interaction_type"] = -1, -1
    rows["current_type"][0] = 0 if neutrino["isCC"] else NEUTRAL_CURRENT
    rows["interaction_type"][0] = neutrino["reaction"]
    for axis in "xyz":
        rows["vtx"][axis] = neutrino[f"{axis}_vert"]
    names = neutrino.dtype.names or ()
    if "t_vert" in names:
        rows["vtx"]["t"] = 1000.0 * (float(neutrino["t_vert"]) - trigger_us)
    if "nu_4mom" in names:
        rows["px"][0], rows["py"][0], rows["pz"][0] = neutrino["nu_4mom"][:3].astype(np.float64) / 1000.0
    return rows
