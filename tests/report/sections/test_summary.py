"""The verdicts of the first part."""

from __future__ import annotations

import pytest

from nuweave.config import Config
from nuweave.report.gather import gather
from nuweave.report.sections.summary import key_facts, model_cards, verdict_of


@pytest.mark.parametrize(
    ("margin", "error", "verdict"),
    [(0.1, 0.02, "better"), (-0.1, 0.02, "worse"), (0.01, 0.02, "level"), (0.01, None, "better"), (None, None, "none")],
)
def test_verdict_needs_more_than_the_error(margin: float | None, error: float | None, verdict: str) -> None:
    assert verdict_of({"margin": margin, "margin_error": error}) == verdict


def test_cards_hold_headlines_in_order_and_mark_what_decides(config: Config) -> None:
    tagger, classifier = model_cards(gather(config))
    assert [row.metric for row in tagger.rows] == ["mean IoU", "cosmic IoU", "neutrino IoU", "accuracy"]
    assert [row.is_primary for row in tagger.rows] == [True, False, False, False]
    assert classifier.rows[1].metric == "neutrino: accuracy"
    assert tagger.missing == {"neutrino AUC": "no neutrino site"}
    assert tagger.overfit == "passed: loss 1.2 to 0.05 on 4 events in 3 steps (limit 0.1)"


def test_facts_count_used_events(config: Config) -> None:
    facts = key_facts(gather(config))
    assert facts["events"] == "24"
    assert facts["train / test"] == "22 / 24"


def test_a_model_of_several_tasks_has_a_card_for_each(several_config: Config) -> None:
    cards = model_cards(gather(several_config))
    assert [card.name for card in cards] == ["all: sites", "all: vertex", "all: event"]
    assert [card.beats for card in cards] == [True, True, False]
    assert [row.metric for row in cards[1].rows] == ["box accuracy", "within 5cm", "combined: within 5cm"]
    assert all(card.overfit.startswith("passed") for card in cards)
