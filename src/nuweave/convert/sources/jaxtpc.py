"""JAXTPC's production: wire signals of a simulated time projection chamber, and the truth in files beside them.

{name}_sensor_{number}.h5 holds the images; {name}_inst_{number}.h5, beside it or in the folder inst next to its own,
says how much charge each particle left in a pixel. Which kind of particle that is follows from parents and processes,
which only the file that was simulated holds (the `source_file` of the sensor file): it is looked for in the folder of
the sensor file and the two above. Without either there are no labels.

The truth is the charge before the response of the wires, which delays the signal: labels are moved along by as much.

Source: encodings as its own documentation has them, checked on a production of its muon.h5. The file of labels (labl)
repeats PDG codes without parents, which tells too little; pixel readouts were on no file at hand.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from nuweave.convert.event import Event, Images, Note, Provides
from nuweave.convert.sources.dlp_h5 import read_trajectories
from nuweave.convert.sources.semantics import label_deposits
from nuweave.convert.sources.sites import dominant_label, number_sites, padded_shape, sum_image
from nuweave.convert.sources.source import event_numbers, has_parts, reading, require_parts
from nuweave.physics.truth import SemanticLabel
from nuweave.store import SparseImage, open_h5

PLANES = ("U", "V", "Y")
PARTS = ("config", "config/num_wires")
SENSOR_ONLY = "threshold_adc"  # only the configuration of a sensor file has it
FULL_SCALE = 65535.0  # of the charges of a group, as a share of its peak
FOLDERS_ABOVE = 2
MAX_LAG_TICKS = 32


class Readout(NamedTuple):
    """What a file says of its images: groups of the planes ("volume_0/U"), and the shape that all get."""

    planes: list[str]
    shape: tuple[int, ...]


class Jaxtpc:
    """A sensor file: an image for each volume and plane, wires by ticks, all padded to one shape."""

    def __init__(self, path: Path, *, volume: str | None = None) -> None:
        self._path = path
        with ExitStack() as stack:
            self._sensor = stack.enter_context(open_h5(path))
            require_parts(path, self._sensor, PARTS)
            with reading(path, "config"):
                self._readout = read_config(self._sensor["config"], volume)
                self._events = sorted(name for name in self._sensor if name.startswith("event_"))
                stored = [self._sensor[name].attrs["source_event_idx"] for name in self._events]
                charges, source = find_charges(path), find_source(path, self._sensor["config"].attrs.get("source_file"))
            self._source_entries = np.array(stored, np.int64)
            self._numbers = event_numbers(self._source_entries)
            self._truth: tuple[h5py.File, h5py.File] | None = None
            if charges is not None and source is not None:
                self._truth = (stack.enter_context(open_h5(charges)), stack.enter_context(open_h5(source)))
            self._open = stack.pop_all()
        has_labels = self._truth is not None
        self.provides = Provides(site_labels=False, semantics=has_labels, vertex=False, particles=False, mode=False)
        self.generator: str | None = "JAXTPC"
        self.generator_seed: str | None = None

    @staticmethod
    def probe(path: Path) -> bool:
        """Whether the file is a sensor file."""
        if not has_parts(path, PARTS):
            return False
        with open_h5(path) as file, reading(path, "config"):
            return SENSOR_ONLY in file["config"].attrs

    def __len__(self) -> int:
        return len(self._events)

    def event(self, entry: int) -> Event:
        """Images and, where the files of truth are there, semantic labels."""
        name, shape = self._events[entry], self._readout.shape
        with reading(self._path, f"entry {entry}"):
            planes = [self._sensor[name][plane] for plane in self._readout.planes]
            values = [read_image(plane, shape, number) for number, plane in enumerate(planes)]
        number = int(self._numbers[entry])
        if self._truth is None:
            return Event(number, Images(values, None, None, None), None, None, None)
        semantics, notes = self._semantics(entry, values)
        return Event(number, Images(values, None, semantics, None), None, None, None, notes)

    def _semantics(self, entry: int, values: list[SparseImage]) -> tuple[list[SparseImage], dict[Note, int]]:
        assert self._truth is not None
        charges, source = self._truth
        with reading(Path(source.filename), f"entry {self._source_entries[entry]}"):
            tracks = read_trajectories(source["particle/geant4"][self._source_entries[entry]])
        labels: dict[str, NDArray[np.int8]] = {}
        semantics, num_missing = [], 0
        with reading(Path(charges.filename), self._events[entry]):
            event = charges[self._events[entry]]
            for image, plane in zip(values, self._readout.planes, strict=True):
                volume = plane.partition("/")[0]
                if volume not in labels:
                    labels[volume], missing = label_deposits(event[volume]["group_to_track"][1:], tracks)
                    num_missing += missing
                semantics.append(read_label(event[plane], labels[volume], image))
        return semantics, {"missing_parent": num_missing} if num_missing else {}

    def close(self) -> None:
        """Close the files."""
        self._open.close()


def find_charges(path: Path) -> Path | None:
    """The file of charges by particle that belongs to a sensor file; None where there is none."""
    name = path.name.replace("_sensor_", "_inst_")
    places = (path.parent / name, path.parent.parent / "inst" / name)
    return next((place for place in places if name != path.name and place.is_file()), None)


def find_source(path: Path, name: str | None) -> Path | None:
    """The file that was simulated, in the folder of the sensor file or those above; None where it is not there."""
    places = [] if name is None else [folder / name for folder in path.resolve().parents[: 1 + FOLDERS_ABOVE]]
    return next((place for place in places if place.is_file()), None)


def read_config(config: h5py.Group, volume: str | None) -> Readout:
    """The planes of all volumes, or of the one that is chosen.

    Raises:
        ValueError: another kind of file, another readout than wires, or no such volume.
    """
    if SENSOR_ONLY not in config.attrs:
        raise ValueError("this is no sensor file; give the file with _sensor_ in its name")
    if config.attrs["readout_type"] != "wire":
        raise ValueError(f"readout_type is {config.attrs['readout_type']}, only wire is known")
    num_wires, num_ticks = config["num_wires"][:], int(config.attrs["num_time_steps"])
    volumes = [f"volume_{number}" for number in range(len(num_wires))]
    if volume is not None and volume not in volumes:
        raise ValueError(f"convert.volume={volume} is none of {', '.join(volumes)}")
    chosen = volumes if volume is None else [volume]
    shape = padded_shape(*((int(wires), num_ticks) for wires in num_wires.ravel()))
    return Readout([f"{one}/{plane}" for one in chosen for plane in PLANES[: num_wires.shape[1]]], shape)


def read_image(plane: h5py.Group, shape: tuple[int, ...], number: int) -> SparseImage:
    """The signal over the pedestal in each stored pixel: of either sign, as induction makes it. [ADC]"""
    if "values" not in plane:
        return SparseImage(np.zeros(0, np.int64), np.zeros(0, np.float32), shape, number)
    wires, ticks = (
        int(plane.attrs[f"{axis}_start"]) + np.cumsum(plane[f"delta_{axis}"][:].astype(np.int64))
        for axis in ("wire", "time")
    )
    ids, of_N = number_sites(np.stack([wires, ticks], axis=1), shape)
    values = plane["values"][:].astype(np.float64) - float(plane.attrs.get("pedestal", 0))
    return sum_image(ids, of_N, values, shape, number)


def read_label(plane: h5py.Group, label_G: NDArray[np.int8], image: SparseImage) -> SparseImage:
    """The label of most of the charge in each pixel of an image; NONE where no particle left charge.

    Args:
        plane: charges of groups of deposits, around the pixel where each has its peak.
        label_G: of the groups, which count from 1.
        image: the signal, in the same plane.
    """
    columns = ("center_wires", "center_times", "peak_charges", "group_ids")
    wire_N, tick_N, peak_N, group_N = (
        np.repeat(plane[name][:].astype(np.float64), plane["group_sizes"][:]) for name in columns
    )
    wire_N, tick_N = wire_N + plane["delta_wires"][:], tick_N + plane["delta_times"][:]
    ids_N = (wire_N * image.shape[1] + tick_N).astype(np.int64)
    charge_N = peak_N * plane["charges_u16"][:] / FULL_SCALE
    at_N, stored_N = find_sites(image, ids_N + response_lag(image, ids_N, charge_N))
    labels = dominant_label(
        at_N[stored_N],
        charge_N[stored_N],
        label_G[group_N[stored_N].astype(np.int64) - 1].astype(np.int64),
        num_sites=len(image.ids),
        none=SemanticLabel.NONE,
    )
    return replace(image, values=labels)


def response_lag(image: SparseImage, ids_N: NDArray[np.int64], charge_N: NDArray[np.float64]) -> int:
    """Ticks by which the signal comes after the charge that makes it, as the two overlap most.

    The truth of a production is the charge before the response of the wires, of which the files say nothing.
    """
    overlaps = []
    for lag in range(MAX_LAG_TICKS + 1):
        at_N, stored_N = find_sites(image, ids_N + lag)
        overlaps.append(float(np.abs(image.values[at_N[stored_N]]) @ charge_N[stored_N]))
    return int(np.argmax(overlaps))


def find_sites(image: SparseImage, ids_N: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """int64[N], which site of an image each id is, and bool[N] whether it is any."""
    at_N = np.searchsorted(image.ids, ids_N).astype(np.int64)
    return at_N, np.append(image.ids, -1)[at_N] == ids_N
