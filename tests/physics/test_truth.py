"""Classes of hand-made final states."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from nuweave.config.convert import TruthConfig
from nuweave.config.tasks import HEADS, NUM_CLASSES, Head
from nuweave.physics.truth import HEAD_CLASSES, MODE_OF_CODE, PRODUCT_OF_HEAD, Mode, SiteLabel, event_classes
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


@pytest.mark.parametrize(
    ("pdg", "current", "mode", "expected"),
    [
        (14, 0, Mode.QE, "numu CC QE"),
        (-14, 0, Mode.RES, "numu CC RES"),
        (12, 0, Mode.DIS, "nue CC DIS"),
        (-12, 0, Mode.OTHER, "nue CC other"),
        (16, 0, Mode.QE, "nutau CC QE"),
        (16, 0, Mode.OTHER, "nutau CC other"),
        (14, 1, Mode.QE, "NC"),
        (16, 1, None, "NC"),
    ],
)
def test_flavour_and_mode_give_the_class_of_the_interaction(
    pdg: int, current: int, mode: Mode | None, expected: str
) -> None:
    index = event_classes(rows(pdg, current), TruthConfig(), mode=mode)["interaction"]
    assert HEAD_CLASSES["interaction"][index] == expected


def test_an_unknown_mode_or_current_has_no_class_of_the_interaction() -> None:
    assert "interaction" not in event_classes(rows(14, 0), TruthConfig(), mode=None)
    assert "interaction" not in event_classes(rows(14, -1), TruthConfig(), mode=Mode.QE)
    unlabelled = TruthConfig(antineutrinos="unlabelled")
    assert "interaction" not in event_classes(rows(-14, 0), unlabelled, mode=Mode.QE)
    assert "interaction" not in event_classes(rows(-14, 1), unlabelled, mode=Mode.QE)


def test_codes_of_larsoft_stand_for_modes_and_the_unused_ones_for_none() -> None:
    for code, mode in ((1002, Mode.QE), (1003, Mode.RES), (1090, Mode.RES), (1091, Mode.DIS), (1092, Mode.DIS)):
        assert MODE_OF_CODE[code] is mode
    assert {code for code, mode in MODE_OF_CODE.items() if mode is Mode.OTHER} == {1096, 1097, 1098, 1099, 1100}
    assert not {-1, 0, 1, 1000, 1093, 1094, 1101} & set(MODE_OF_CODE)


def test_every_head_of_the_configuration_has_names_and_a_product() -> None:
    assert tuple(HEAD_CLASSES) == tuple(PRODUCT_OF_HEAD) == get_args(Head)
    assert (*HEADS, "interaction") == get_args(Head)  # what is classified by default, and what may be asked for
    assert {head: len(names) for head, names in HEAD_CLASSES.items()} == NUM_CLASSES


def test_neutrino_wins_over_cosmic_over_background() -> None:
    assert [int(label) for label in (SiteLabel.BACKGROUND, SiteLabel.COSMIC, SiteLabel.NEUTRINO)] == [0, 1, 2]
