"""The catalog: what is known of every event, without its sites."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nuweave.catalog.products import image_and_label, read_classes
from nuweave.physics.truth import HEAD_CLASSES, SiteLabel
from nuweave.store import ShardReader, SparseImage, StoreError, require_same_sites, write_aside

KEY = ["run", "subrun", "event"]
LABEL_COUNTS = ("num_background", "num_cosmic", "num_neutrino")
NEUTRINOS = (12, 14, 16)


def build_catalog(shards: Sequence[Path]) -> pd.DataFrame:
    """Read what every event of a run is.

    Args:
        shards: larcv3 files, each with its manifest (the same name with .json) beside it.
    Returns:
        a row an event: shard, entry, run, subrun, event, source, generator_seed; a column a head (Int8, missing where
        there is no class); nu_pdg (Int32), nu_energy_gev, vertex_x_cm, vertex_y_cm, vertex_z_cm (NaN without neutrino);
        num_sites_0, ... a plane; num_background, num_cosmic, num_neutrino (Int64, missing where there is no label);
        charge, charge_neutrino (summed values of all sites and of the neutrino's, NaN where there is no label);
        image_hash (of sites and values, missing where there are none).
    Raises:
        StoreError: a shard or manifest cannot be used, image and label disagree, shards differ in planes, or two events
            have one key.
    """
    if not shards:
        raise StoreError("catalog: no shards; convert at least one source")
    tables = [_read_shard(shard) for shard in shards]
    for table in tables[1:]:
        if list(table.columns) != list(tables[0].columns):
            raise StoreError(
                f"{table['shard'][0]}: has other planes than {tables[0]['shard'][0]}; "
                "convert all sources with the same detector"
            )
    catalog = pd.concat(tables, ignore_index=True)
    _require_unique_keys(catalog)
    return catalog


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as parquet."""
    with write_aside(path) as aside:
        table.to_parquet(aside, index=False)


def read(path: Path) -> pd.DataFrame:
    """Read a table that `write` wrote.

    Raises:
        StoreError: the file is missing or not parquet.
    """
    if not path.is_file():
        raise StoreError(f"{path}: no such file; check the path")
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: is not a parquet table ({' '.join(str(error).split())}); write it again") from None


def _read_shard(path: Path) -> pd.DataFrame:
    manifest = _read_manifest(path)
    with ShardReader(path) as reader:
        columns: dict[str, Any] = {"shard": str(path), "entry": np.arange(len(reader))}
        columns |= {name: reader.event_ids[name].astype(np.int64) for name in KEY}
        columns |= {"source": str(manifest["source"]), "generator_seed": manifest["generator_seed"]}
        classes = read_classes(reader)
        columns |= {head: _nullable(classes.get(head), len(reader), "Int8") for head in HEAD_CLASSES}
        columns |= _neutrino_columns(reader)
        columns |= _site_columns(reader)
    return pd.DataFrame(columns).astype({"shard": "string", "source": "string", "generator_seed": "string"})


def _read_manifest(shard: Path) -> dict[str, Any]:
    path = shard.with_suffix(".json")
    try:
        manifest: dict[str, Any] = json.loads(path.read_text())
        return {"source": manifest["source"], "generator_seed": manifest.get("generator_seed")}
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror}); convert the source of {shard} again") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StoreError(f"{path}: is not a manifest with `source`; convert the source of {shard} again") from None


def _nullable(classes: NDArray[np.int8] | None, num: int, dtype: Any) -> pd.Series[Any]:
    """A column of classes, missing where there is none."""
    values = np.full(num, -1) if classes is None else classes
    column: pd.Series[Any] = pd.Series(values, dtype=dtype)
    return column.mask(values < 0)


def _neutrino_columns(reader: ShardReader) -> dict[str, Any]:
    """Flavour, energy and vertex of the neutrino; it is the first particle of an event, where there is one."""
    pdg = np.zeros(len(reader), np.int64)
    facts = np.full((len(reader), 4), np.nan)
    if "particle_truth" in reader.products:
        for event in range(len(reader)):
            rows = reader.particles("particle_truth", event)
            if len(rows) and abs(int(rows["pdg"][0])) in NEUTRINOS:
                vertex = rows["vtx"][0]
                pdg[event] = rows["pdg"][0]
                facts[event] = rows["energy_init"][0], vertex["x"], vertex["y"], vertex["z"]
    names = ("nu_energy_gev", "vertex_x_cm", "vertex_y_cm", "vertex_z_cm")
    return {"nu_pdg": pd.Series(pdg, dtype="Int32").mask(pdg == 0)} | dict(zip(names, facts.T, strict=True))


def _site_columns(reader: ShardReader) -> dict[str, Any]:
    """Stored sites of each plane and of each label, summed values, and a hash of the image, of every event."""
    image, label = image_and_label(reader)
    _, num_planes = reader.geometry(image)
    sites = np.zeros((len(reader), num_planes), np.int64)
    counts = np.full((len(reader), len(LABEL_COUNTS)), -1, np.int64)
    charge = np.full((len(reader), 2), np.nan)  # of all sites, of neutrino sites
    hashes = []
    for event in range(len(reader)):
        images = reader.sparse(image, event)
        sites[event, : len(images)] = [len(one.ids) for one in images]
        values = _joined(images)
        charge[event, 0] = values.sum(dtype=np.float64)
        hashes.append(_image_hash(images) if len(values) else None)
        if label is not None:
            labels = reader.sparse(label, event)
            require_same_sites(reader.path, event, images, labels)
            site_labels = _joined(labels)
            counts[event] = _count_labels(reader, event, site_labels, label)
            charge[event, 1] = values[site_labels == SiteLabel.NEUTRINO].sum(dtype=np.float64)
    columns: dict[str, Any] = {f"num_sites_{plane}": sites[:, plane] for plane in range(num_planes)}
    missing = counts < 0
    columns |= {name: pd.Series(counts[:, i], dtype="Int64").mask(missing[:, i]) for i, name in enumerate(LABEL_COUNTS)}
    columns |= {"charge": charge[:, 0], "charge_neutrino": charge[:, 1]}
    return columns | {"image_hash": pd.Series(hashes, dtype="string")}


def _joined(images: Sequence[SparseImage]) -> NDArray[np.float32]:
    """The values of all projections one after another."""
    return np.concatenate([np.empty(0, np.float32), *(one.values for one in images)])


def _count_labels(reader: ShardReader, event: int, site_labels: NDArray[np.float32], product: str) -> NDArray[np.int64]:
    """Sites of each label; every site must have one."""
    counts = np.array([(site_labels == number).sum() for number in range(len(LABEL_COUNTS))], np.int64)
    if counts.sum() != len(site_labels):
        raise StoreError(
            f"{reader.path}: event {event}: {product} must be 0, 1 or 2 (background, cosmic, neutrino) "
            "everywhere; convert it again"
        )
    return counts


def _image_hash(images: Sequence[SparseImage]) -> str:
    """64 bits that only the same sites with the same values in the same projections share."""
    digest = hashlib.blake2b(digest_size=8)
    for one in images:
        digest.update(np.array([one.projection, len(one.ids)]).tobytes() + one.ids.tobytes() + one.values.tobytes())
    return digest.hexdigest()


def _require_unique_keys(catalog: pd.DataFrame) -> None:
    twice = catalog[catalog.duplicated(KEY, keep=False)]
    if twice.empty:
        return
    key = tuple(int(part) for part in twice.iloc[0][KEY])
    same = twice[(twice[KEY] == list(key)).all(axis=1)]
    first, second = (f"{row.shard} (entry {row.entry})" for row in same.iloc[:2].itertuples())
    raise StoreError(
        f"{first} and {second} both hold the event (run, subrun, event) = {key}; keys must be unique in a run: "
        "give each source once, or another run number"
    )
