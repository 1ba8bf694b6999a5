"""A network that learnt from the embedded simulation alone, on real events: what `nuweave evaluate` found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nuweave.config import UserError
from nuweave.validate.record import Findings, Row, between, plus_minus

# words, and the least value, of metrics of a segmentation; sites with a value above 10 alone give a cosmic IoU of 0.685
METRICS: dict[str, tuple[str, float | None]] = {
    "cosmic_iou": ("cosmic IoU", 0.75),
    "nonbackground_accuracy": ("accuracy of non-background sites", 0.85),
    "neutrino_iou": ("neutrino IoU", None),
}
NO_NETWORK = "not measured: give --network"


def check_networks(files: Sequence[Path]) -> Findings:
    """The metrics of each segmentation network beside what they should be at least.

    Args:
        files: metrics.json of networks, evaluated on real events.
    Raises:
        UserError: a file is not there, or is not of a segmentation.
    """
    if not files:
        return Findings([_row(words, None, least, NO_NETWORK) for words, least in METRICS.values()])
    return Findings([row for file in files for row in network_rows(read_metrics(file))])


def network_rows(found: Mapping[str, Any]) -> list[Row]:
    """A row for each metric of the content of a metrics.json."""
    sample = f"{found['num_events']} events of {found['data']}"
    rows = []
    for name, (words, least) in METRICS.items():
        metric = found["metrics"].get(name)
        value, note = (
            (None, "not defined on") if metric is None else (metric["value"], f"{plus_minus(metric['error'])},")
        )
        rows.append(_row(f"{words}, {found['name']}", value, least, f"{note} {sample}"))
    return rows


def read_metrics(path: Path) -> dict[str, Any]:
    """The content of the metrics.json of a segmentation.

    Raises:
        UserError: it is not there, or is something else.
    """
    remedy = "give the metrics.json that `nuweave evaluate` wrote for a segmentation network"
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        kind = found["task"]["kind"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else f"is no metrics.json ({error!r})"
        raise UserError(f"{path}: {reason}; {remedy}") from None
    if kind != "segmentation":
        raise UserError(f"{path}: is of the task {kind}; {remedy}")
    return found


def _row(quantity: str, value: float | None, least: float | None, note: str) -> Row:
    return between("network", quantity, value, least, None if least is None else 1.0, "", note)
