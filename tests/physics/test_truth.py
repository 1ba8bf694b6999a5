"""Classes of hand-made final states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nuweave.config.convert import TruthConfig
from nuweave.config.tasks import HEADS
from nuweave.physics.truth import HEAD_CLASSES, PRODUCT_OF_HEAD, SiteLabel, event_classes
from nuweave.store import PARTICLE


def rows(neutrino: int, current: int, *final: tuple[int, float]) -> NDArray[Any]:
    """The neutrino and (pdg, total energy in GeV) of its final state."""
    particles = np.zeros(1 + len(final), PARTICLE)
    particles["pdg"] = [neutrino, *(pdg for pdg, _ in final)]
    particles["current_type"][0] = current
    particles["energy_init"] = [1.0, *(energy for _, energy in final)]
    return particles


@pytest.mark.parametrize(
    ("pdg", "current", "expected"),
    [(12, 0, 0), (-12, 0, 0), (14, 0, 1), (-14, 0, 1), (12, 1, 2), (14, 1, 2), (16, 1, 2), (-16, 1, 2)],
)
def test_flavour_and_current_give_the_neutrino_class(pdg: int, current: int, expected: int) -> None:
    assert event_classes(rows(pdg, current), TruthConfig())["neutrino"] == expected


def test_nutau_charged_current_follows_the_policy() -> None:
    assert "neutrino" not in event_classes(rows(16, 0), TruthConfig())
    assert event_classes(rows(16, 0), TruthConfig(nutau="numu"))["neutrino"] == 1
    assert event_classes(rows(16, 0, (2212, 1.0)), TruthConfig())["protons"] == 1  # its particles still count


def test_antineutrinos_follow_the_policy() -> None:
    settings = TruthConfig(antineutrinos="unlabelled")
    assert "neutrino" not in event_classes(rows(-14, 0), settings)
    assert "neutrino" not in event_classes(rows(-12, 1), settings)
    assert event_classes(rows(14, 0), settings)["neutrino"] == 1


def test_unknown_current_has_no_neutrino_class() -> None:
    assert "neutrino" not in event_classes(rows(14, -1), TruthConfig())


def test_protons_count_above_their_kinetic_energy() -> None:
    below, above = (2212, 0.93827 + 0.0499), (2212, 0.93827 + 0.0501)
    for final, expected in [([], 0), ([below], 0), ([above, below], 1), ([above] * 2, 2), ([above] * 5, 2)]:
        assert event_classes(rows(14, 0, *final), TruthConfig())["protons"] == expected
    assert event_classes(rows(14, 0, above), TruthConfig(proton_min_mev=60))["protons"] == 0
    assert event_classes(rows(14, 0, (-2212, 1.5)), TruthConfig())["protons"] == 0


def test_charged_pions_of_both_signs_count_above_10_mev() -> None:
    for pdg in (211, -211):
        assert event_classes(rows(14, 0, (pdg, 0.13957 + 0.0101)), TruthConfig())["charged_pions"] == 1
        assert event_classes(rows(14, 0, (pdg, 0.13957 + 0.0099)), TruthConfig())["charged_pions"] == 0


def test_any_moving_neutral_pion_counts() -> None:
    assert event_classes(rows(14, 1, (111, 0.136)), TruthConfig())["neutral_pions"] == 1
    assert event_classes(rows(14, 1, (22, 0.5)), TruthConfig())["neutral_pions"] == 0


def test_the_neutrino_itself_is_not_counted_as_a_particle() -> None:
    classes = event_classes(rows(14, 0), TruthConfig())
    assert classes == {"neutrino": 1, "protons": 0, "charged_pions": 0, "neutral_pions": 0}


def test_an_event_without_a_neutrino_has_no_class() -> None:
    assert event_classes(np.zeros(0, PARTICLE), TruthConfig()) == {}
    assert event_classes(rows(13, 0, (2212, 1.5)), TruthConfig()) == {}


def test_every_head_of_the_configuration_has_names_and_a_product() -> None:
    assert tuple(HEAD_CLASSES) == tuple(PRODUCT_OF_HEAD) == HEADS


def test_neutrino_wins_over_cosmic_over_background() -> None:
    assert [int(label) for label in (SiteLabel.BACKGROUND, SiteLabel.COSMIC, SiteLabel.NEUTRINO)] == [0, 1, 2]
