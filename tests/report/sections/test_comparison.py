"""Simulation against reference, and sample against sample, as their files say it; gaps are said."""

from __future__ import annotations

import json

from nuweave.config import Config
from nuweave.report.figures.style import page_style
from nuweave.report.gather import gather
from nuweave.report.provenance import collect
from nuweave.report.render import render
from nuweave.report.sections.blocks import number
from nuweave.report.sections.comparison import figure_name, shifts_block, validation_block
from tests.report.conftest import make_shift, make_validation


def test_values_beyond_their_limits_stand_before_all_values() -> None:
    with page_style():
        block = validation_block(make_validation())
    assert block.text == ["Of 3 values, 1 are between their limits, 1 are not."]
    missed, every = block.grids
    assert missed.rows == [["range of protons", "tracks", "20 cm", "9 to 11 cm"]]
    assert every.folded
    assert every.rows[2] == ["vertex", "tracks", number(None), "at most 1.5 cm"]
    assert list(every.verdicts) == [True, False, None]


def test_histograms_of_one_name_are_one_picture_that_says_what_it_shows() -> None:
    with page_style():
        pictures = validation_block(make_validation()).pictures
    assert [picture.alt for picture in pictures] == [
        "Histograms of photon gap: photons; the line is the reference.",
        "Histograms of shower start: electrons, photons.",
    ]


def test_samples_that_cannot_be_told_apart_by_a_classifier_have_their_reason() -> None:
    few = make_shift() | {"auc": None, "auc_error": None, "reason": "2 events are too few", "distances": []}
    with page_style():
        block = shifts_block({"train_test": make_shift(), "reference": few})
    assert block.facts == {
        "AUC, training against test": "0.610 ± 0.040",
        "AUC, this run against the reference": "not measured",
    }
    assert block.grids[0].rows[0] == ["training against test", "16 and 8"]
    assert block.grids[0].notes[1] == "packed/train.h5 and packed/test.h5: 2 events are too few"
    assert len(block.pictures) == 1
    assert "50 % quantile of values, plane 1, neutrino 0.40" in block.pictures[0].alt


def test_what_was_not_compared_is_said_with_its_remedy() -> None:
    assert "report.validation=FILE" in validation_block(None).text[0]
    assert "report.reference=FILE" in shifts_block({}).text[0]


def test_figures_of_images_have_names_in_words() -> None:
    assert figure_name({"figure": "value_05", "plane": 2, "label": "all"}) == "5 % quantile of values, plane 2, all"
    assert figure_name({"figure": "clusters", "plane": 0, "label": "labelled"}) == "clusters, plane 0, labelled"


def test_files_that_the_configuration_names_are_read_and_their_text_is_escaped(config: Config) -> None:
    path = config.root / "validation.json"
    path.write_text(json.dumps(make_validation()))
    (config.root / "shift" / "reference.json").write_text(json.dumps(make_shift() | {"b": "<i>real</i>.h5"}))
    report = config.report.model_copy(update={"validation": str(path), "reference": "real.h5"})
    page = render(gather(config.model_copy(update={"report": report})), collect())
    assert "&lt;b&gt;too far&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "&lt;i&gt;real&lt;/i&gt;.h5" in page
    assert page.count('class="pill worse">not held') == 3  # a leak, and a value in two tables
