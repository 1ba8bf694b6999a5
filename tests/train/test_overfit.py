"""The check passes where something can be learnt, and fails aloud where not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nuweave.config import ModelConfig
from nuweave.tasks import TaskError
from nuweave.train import OverfitError, run_overfit
from nuweave.train.overfit import choose_entries, without_regularisation
from tests import mock
from tests.train.events import all_in_one, classifier, tagger, write_learnable


def test_a_tagger_learns_four_events_by_heart_and_stops_early(tmp_path: Path, learnable: dict[str, Path]) -> None:
    model = tagger(overfit={"num_events": 4, "max_steps": 300, "learning_rate": 0.03, "max_loss": 0.1})
    out = tmp_path / "overfit.json"
    result = run_overfit(name="tagger", model=model, seed=1, train_path=learnable["train_path"], out=out)
    assert result.passed
    assert result.final_loss <= 0.1 < result.first_loss
    assert result.steps == len(result.losses) < 300
    assert json.loads(out.read_text())["final_loss"] == result.final_loss


def test_a_classifier_learns_one_event_of_each_class(tmp_path: Path, learnable: dict[str, Path]) -> None:
    model = classifier(overfit={"num_events": 3, "max_steps": 150, "learning_rate": 0.02, "max_loss": 0.1})
    out = tmp_path / "overfit.json"
    assert run_overfit(name="namer", model=model, seed=1, train_path=learnable["train_path"], out=out).passed


def test_sites_vertex_and_class_are_learnt_by_heart_at_once(tmp_path: Path, learnable: dict[str, Path]) -> None:
    model = all_in_one(overfit={"num_events": 3, "max_steps": 300, "learning_rate": 0.02, "max_loss": 0.3})
    out = tmp_path / "overfit.json"
    assert run_overfit(name="all", model=model, seed=1, train_path=learnable["train_path"], out=out).passed


def test_labels_that_cannot_be_learnt_in_time_fail_with_one_line(tmp_path: Path) -> None:
    path = mock.write_shard(tmp_path / "random.h5", num_events=3)
    model = tagger(overfit={"num_events": 2, "max_steps": 4, "max_loss": 0.05})
    out = tmp_path / "overfit.json"
    rule = r"overfit check of t failed: loss \S+ after 4 steps on 2 events, rule: <= 0.05; look at labels and learning"
    with pytest.raises(OverfitError, match=rule):
        run_overfit(name="t", model=model, seed=1, train_path=path, out=out)
    result = json.loads(out.read_text())
    assert (result["passed"], result["model"], len(result["losses"])) == (False, "t", 4)


def test_events_without_truth_prove_nothing(tmp_path: Path) -> None:
    path = write_learnable(tmp_path / "unlabelled.h5", num_events=2, with_class=False)
    with pytest.raises(OverfitError, match="none of its 2 events has a truth to learn"):
        run_overfit(name="n", model=classifier(), seed=1, train_path=path, out=tmp_path / "overfit.json")
    assert not json.loads((tmp_path / "overfit.json").read_text())["passed"]


def test_a_head_without_truth_is_refused_with_its_name_and_the_file(tmp_path: Path, learnable: dict[str, Path]) -> None:
    model = classifier(overfit={"num_events": 2})
    model = model.model_copy(update={"task": model.task.model_copy(update={"heads": ("interaction",)})})
    with pytest.raises(TaskError, match=r"train.*\.h5: task\.heads: the file has no truth for interaction \(it has"):
        run_overfit(name="t", model=model, seed=1, train_path=learnable["train_path"], out=tmp_path / "overfit.json")


def test_events_are_taken_of_each_class_in_turn(learnable: dict[str, Path]) -> None:
    """Classes in the file: 0 1 2 0 1 2 0 1 2 0."""
    assert choose_entries(learnable["train_path"], 3) == [0, 1, 2]
    assert choose_entries(learnable["train_path"], 4) == [0, 1, 2, 3]
    assert choose_entries(learnable["train_path"], 99) == list(range(10))


def test_nothing_that_works_against_learning_by_heart_is_left_in_any_of_several_tasks() -> None:
    event = {"kind": "event_classification", "sites": "all", "label_smoothing": 0.1}
    task = {"kind": "several", "tasks": {"vertex": {"kind": "vertex"}, "event": event}}
    model = ModelConfig.model_validate({"task": task, "network": {"kind": "resnet", "dropout": 0.3}})
    changed = without_regularisation(model, num_events=3).model_dump()
    assert changed["task"]["tasks"]["event"]["label_smoothing"] == 0
    assert changed["task"]["tasks"]["vertex"] == model.model_dump()["task"]["tasks"]["vertex"]
    assert changed["network"]["dropout"] == 0
    assert changed["train"]["global_batch"] == 3
