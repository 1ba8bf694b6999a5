"""Validations of which some are better, by hand."""

from __future__ import annotations

import pytest

from nuweave.config.train import SelectionConfig
from nuweave.train.errors import TrainError
from nuweave.train.selection import Best, is_enough, updated


def after(metric: str, values: list[float | None], **settings: object) -> Best | None:
    """The best after validations every ten steps; None is a validation that does not define the metric."""
    config = SelectionConfig.model_validate({"metric": metric, **settings})
    best = None
    for number, value in enumerate(values, start=1):
        best = updated(best, {"other": 1.0} if value is None else {metric: value}, 10 * number, config)
    return best


def test_the_lowest_loss_is_the_best() -> None:
    assert after("loss", [3.0, 1.0, 2.0, 1.0]) == Best("loss", 1.0, step=20, num_since=2)


def test_the_largest_of_any_other_metric_is_the_best() -> None:
    assert after("mean_iou", [0.3, 0.1, 0.4]) == Best("mean_iou", 0.4, step=30, num_since=0)


def test_a_small_change_is_not_better() -> None:
    assert after("loss", [1.0, 0.95, 0.89], min_change=0.1) == Best("loss", 0.89, step=30, num_since=0)
    assert after("loss", [1.0, 0.95, 0.91], min_change=0.1) == Best("loss", 1.0, step=10, num_since=2)


def test_a_validation_without_the_metric_is_not_better() -> None:
    assert after("mean_iou", [0.3, None]) == Best("mean_iou", 0.3, step=10, num_since=1)


def test_a_metric_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(TrainError, match=r"train.selection.metric=iuo: .* choose one of loss, iou"):
        updated(None, {"loss": 1.0, "iou": 0.5}, 10, SelectionConfig(metric="iuo"))


def test_another_metric_starts_anew() -> None:
    before = Best("mean_iou", 0.9, step=10, num_since=5)
    assert updated(before, {"loss": 2.0, "mean_iou": 0.1}, 20, SelectionConfig()) == Best("loss", 2.0, step=20)


@pytest.mark.parametrize(("patience", "enough"), [(None, False), (2, True), (3, False)])
def test_patience_ends_after_as_many_validations_without_a_better_one(patience: int | None, enough: bool) -> None:
    best = after("loss", [1.0, 2.0, 3.0])
    assert is_enough(best, SelectionConfig(patience=patience)) is enough
    assert not is_enough(None, SelectionConfig(patience=1))
