"""Limits come from real events, and simulated ones are held against them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nuweave.convert.event import Event, Images, Vertex
from nuweave.convert.imaging import vertex_clusters
from nuweave.physics.detectors import get_detector
from nuweave.store import SparseImage
from nuweave.validate.images import KEYS
from nuweave.validate.sbnd import (
    COMPARED,
    OF_BEAM,
    OF_FINAL_STATES,
    VALUE_BINS,
    check_sbnd,
    compare,
    compare_final_states,
    describe_beam,
    limits,
    value_counts,
    value_figures,
    vertex_offsets,
    vertex_row,
)

SBND = get_detector("sbnd")


def table(value: float, num_events: int = 2) -> pd.DataFrame:
    columns = pd.MultiIndex.from_tuples(dict.fromkeys([*COMPARED, *OF_FINAL_STATES, *OF_BEAM]), names=KEYS)
    return pd.DataFrame(np.full((num_events, len(columns)), value), columns=columns)


def event(place_cm: tuple[float, float, float], *, stored_cm: tuple[float, float, float]) -> Event:
    vertex, stored = (Vertex(np.array(place), 0.0) for place in (place_cm, stored_cm))
    return Event(0, Images([], None, None, vertex_clusters(stored, SBND)), vertex, None, None)


def test_limits_are_the_range_and_at_least_a_fifth_of_the_mean() -> None:
    assert limits(np.array([9.0, 11.0]), ()) == pytest.approx((8.0, 12.0))
    assert limits(np.array([5.0, 15.0]), ()) == (5.0, 15.0)
    assert limits(np.array([9.0, 11.0]), (2.0, 10.0)) == pytest.approx((2.0, 12.0))
    assert limits(np.zeros(0), (2.0, 10.0)) == (2.0, 10.0)
    assert limits(np.zeros(0), ()) == (None, None)


def test_background_cosmics_and_clusters_of_the_beam_are_compared_by_plane_and_label() -> None:
    rows = {row.quantity: row for row in compare(table(50.0), table(45.0))}
    assert len(rows) == 2 * (1 + 3) * 3 + 3
    assert rows["50 % quantile of values, cosmic, plane 1"].held
    assert rows["50 % quantile of values, cosmic, plane 1"].high == pytest.approx(54.0)
    assert rows["sites, background, plane 0"].held
    assert not {row.quantity: row for row in compare(table(50.0), table(40.0))}[
        "5 % quantile of values, cosmic, plane 0"
    ].held


def test_without_real_events_only_what_is_known_of_five_sets_limits() -> None:
    rows = {row.quantity: row for row in compare(table(12.0), None)}
    assert (rows["clusters of more than 100 sites, labelled, plane 2"].high) == 12
    row = rows["50 % quantile of values, cosmic, plane 2"]
    assert (row.value, row.held, row.note) == (12.0, None, "+- 0; no limits: give --reference")


def test_a_figure_that_no_event_has_is_not_measured() -> None:
    row = compare(table(float("nan")), table(1.0))[-1]
    assert (row.value, row.held, row.note) == (None, None, "no such site")


def test_final_states_weigh_alike_however_many_copies_have_the_figure() -> None:
    """Copies with 10 and 14, and one with 40: means 12 and 40, errors 2 / sqrt(2) and 0; real events with 20 and 32."""
    copies = [table(10.0), table(40.0)]
    copies[0].iloc[1], copies[1].iloc[1] = 14.0, np.nan
    real = table(20.0)
    real.iloc[1] = 32.0
    rows = compare_final_states(copies, real)
    assert len(rows) == len({row.quantity for row in rows}) == (1 + 3) * 3
    for row in rows:
        assert (row.value, row.low, row.high, row.held) == (26.0, 20.0, 32.0, True)
        assert row.note == "+- 0.71, final states of the reference events"


def test_sites_of_neutrinos_are_held_against_the_reference_alone_not_against_five_other_events() -> None:
    row = compare_final_states([table(3000.0)], table(1000.0))[0]
    assert (row.quantity, row.low, row.high, row.held) == ("sites, neutrino, plane 0", 800.0, 1200.0, False)


@pytest.mark.parametrize(
    ("real", "note"),
    [(None, "not measured: give --reference"), (table(1.0), "no reference event has a final state")],
)
def test_without_final_states_neutrinos_are_not_measured(real: pd.DataFrame | None, note: str) -> None:
    for row in compare_final_states([], real):
        assert (row.value, row.held, row.note) == (None, None, note)


def test_medians_of_the_beams_neutrinos_have_no_limits() -> None:
    rows = {row.quantity: row for row in describe_beam(table(1000.0))}
    assert len(rows) == 6
    assert rows["sites, neutrino of the beam, plane 2"].held
    row = rows["50 % quantile of values, neutrino of the beam, plane 1"]
    assert (row.value, row.held, row.note) == (1000.0, None, "+- 0, BNB mix, not the reference's events")


def test_vertex_offset_is_the_largest_along_an_axis() -> None:
    right = event((-100.0, 0.0, 250.0), stored_cm=(-100.0, 0.0, 250.0))
    assert vertex_offsets(right, SBND).tolist() == pytest.approx([0.0] * 3)
    # 0.9 cm along the beam are 3 wires of collection, and 1.5 of induction, which are rounded to 2
    off = event((-100.0, 0.0, 250.0), stored_cm=(-100.0, 0.0, 250.9))
    assert vertex_offsets(off, SBND).tolist() == pytest.approx([2.0, 2.0, 3.0])


def test_events_without_a_vertex_have_no_offset() -> None:
    images = Images([], None, None, None)
    assert len(vertex_offsets(Event(0, images, None, None, None), SBND)) == 0
    assert len(vertex_offsets(event((0.0, 0.0, 250.0), stored_cm=(900.0, 0.0, 250.0)), SBND)) == 0


def test_without_a_vertex_in_view_nothing_is_measured() -> None:
    row = vertex_row([event((0.0, 0.0, 250.0), stored_cm=(900.0, 0.0, 250.0))], SBND, "real")
    assert (row.value, row.held, row.note) == (None, None, "no event has a vertex in view")


def labelled(*labels: int) -> Event:
    """Four sites of values 5, 6, 6 and 5000, each of a label; none without labels."""
    ids = np.arange(len(labels))
    sites = SparseImage(ids, np.array([5.0, 6.0, 6.0, 5000.0], np.float32)[ids], (2, 2))
    kinds = SparseImage(ids, np.array(labels, np.float32), (2, 2))
    return Event(0, Images([sites], [kinds], None, None), None, None, None)


def test_values_are_counted_by_plane_and_label_a_mean_event() -> None:
    counts = value_counts([labelled(0, 1, 1, 2), labelled()])
    assert counts.shape == (1, 3, len(VALUE_BINS) - 1)
    assert counts.sum(axis=2).tolist() == [[0.5, 1.0, 0.5]]
    assert (counts[0, 0, 0], counts[0, 1, 1], counts[0, 2, -1]) == (0.5, 1.0, 0.5)


def test_histograms_of_neutrinos_are_of_the_copies_where_there_are_any() -> None:
    simulated, copies = [labelled(0, 1, 1, 2)], [labelled(2, 2, 2, 1)]
    alone, beside = (value_figures(simulated, given, None) for given in ([], copies))
    assert [sum(figure.counts) for figure in alone] == [1, 2, 1]
    assert [sum(figure.counts) for figure in beside] == [1, 2, 3]


def test_simulated_events_are_held_against_the_real_ones(tmp_path: Path, shared_data: Path) -> None:
    found = check_sbnd(tmp_path, reference=shared_data / "larcv3/sbnd_2events.h5", num_events=2, seed=1)
    rows = {row.quantity: row for row in found.rows}
    assert len(rows) == 27 + 12 + 6 + 2
    assert rows["50 % quantile of values, neutrino, plane 0"].low == pytest.approx(23.5, abs=0.05)
    assert (rows["50 % quantile of values, neutrino, plane 0"].note or "").endswith("of the reference events")
    assert rows["50 % quantile of values, cosmic, plane 2"].low == pytest.approx(40.36, abs=0.01)
    assert rows["real vertex / its projection"].held
    assert rows["real vertex / its projection"].value == pytest.approx(1.01, abs=0.01)
    assert rows["simulated vertex / its projection"].value == pytest.approx(0.25, abs=0.25)
    assert len(found.figures) == 9
    assert all(len(figure.reference or ()) == len(figure.counts) for figure in found.figures)


def test_without_a_reference_the_simulation_is_described_alone(tmp_path: Path) -> None:
    found = check_sbnd(tmp_path, reference=None, num_events=2, seed=1)
    assert found.rows[-1].note == "not measured: give --reference"
    assert [row.value for row in found.rows if ", neutrino," in row.quantity] == [None] * 12
    assert all(figure.reference is None for figure in found.figures)
