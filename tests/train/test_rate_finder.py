"""The finder walks through the rates, stops where nothing is learnt any more, and suggests one that learns."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from nuweave.cli import app
from nuweave.config import Config, ModelConfig
from nuweave.loader import EventDataset, TrainingStream, make_sampler
from nuweave.train import RateResult, TrainError, find_rate
from nuweave.train.alone import train_alone
from nuweave.train.engine import TorchEngine
from nuweave.train.rate_finder import judge, smooth
from tests.train.events import classifier, tagger, write_learnable


def find(
    path: Path, model: ModelConfig, *, lowest: float = 1e-4, highest: float = 10, num_steps: int = 40
) -> RateResult:
    out = path.parent / "rates.json"
    return find_rate(
        name="t", model=model, seed=1, train_path=path, out=out, num_steps=num_steps, lowest=lowest, highest=highest
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_learnable(tmp_path / "train.h5", num_events=10)


def test_rates_grow_by_a_constant_factor_and_the_file_holds_what_is_returned(path: Path) -> None:
    result = find(path, tagger(), highest=1)
    assert (result.end, len(result.rates)) == ("all steps", 40)
    assert (result.rates[0], result.rates[-1]) == (1e-4, 1)
    np.testing.assert_allclose(np.diff(np.log10(result.rates)), 4 / 39)
    assert RateResult(**json.loads((path.parent / "rates.json").read_text())) == result


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "lamb", "lars"])
def test_the_loss_falls_at_the_suggested_rate(path: Path, optimizer: str) -> None:
    model, dataset = tagger(optimizer={"kind": optimizer}), EventDataset(path)
    suggested = find(path, model).suggested
    with TrainingStream(dataset, make_sampler(dataset, model.train.loader, seed=2, global_batch=4)) as batches:
        steps = train_alone(model, seed=2, dataset=dataset, batches=batches, num_steps=25, rate=lambda _: suggested)
        losses = [done.loss for done in steps]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_it_stops_early_where_the_loss_goes_up(path: Path) -> None:
    result = find(path, classifier())
    assert result.end == "diverged"
    assert len(result.rates) == len(result.losses) == len(result.smoothed_losses) < 40
    assert result.smoothed_losses[-1] > 4 * min(result.smoothed_losses)
    assert result.suggested == result.lowest / 10
    assert result.steepest <= result.lowest


def test_a_loss_that_is_not_a_number_ends_it_cleanly(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step at the 31st rate makes every weight not a number."""
    step = TorchEngine.step
    rates = iter(range(40))
    monkeypatch.setattr(TorchEngine, "step", lambda self, rate: step(self, rate if next(rates) < 30 else math.nan))
    result = find(path, tagger())
    assert (result.end, len(result.losses), len(result.rates)) == ("not finite", 31, 31)
    assert np.isfinite(result.losses).all()


def test_the_running_mean_starts_at_the_first_loss() -> None:
    """(0.9 x 0.1 x 2 + 0.1 x 4) / (1 - 0.81)."""
    assert smooth([2.0, 4.0]) == pytest.approx([2.0, 0.58 / 0.19])


def test_lowest_and_steepest_are_looked_for_after_the_first_ten_steps() -> None:
    """A lucky first batch, ten alike, a step down at the 21st, up from the 31st on."""
    losses = [0.1, *[2.0] * 19, *[1.0] * 10, *[9.0] * 5]
    rates = [float(10 ** (step / 10)) for step in range(len(losses) + 5)]
    result = judge("t", rates, losses, "diverged")
    assert result.rates == rates[:35]
    assert (result.lowest, result.steepest) == (rates[29], rates[20])


@pytest.mark.parametrize("losses", [[], [3.0], [0.0] * 40, [float(step) for step in range(40)]])
def test_a_loss_that_never_falls_suggests_nothing(losses: list[float]) -> None:
    with pytest.raises(TrainError, match=f"find-rate of t: the loss never fell in {len(losses)} steps from rate 0.1 "):
        judge("t", [0.1] * 40, losses, "all steps")


def test_rates_that_do_not_grow_are_refused(path: Path) -> None:
    with pytest.raises(TrainError, match=r"--lowest 1 --highest 0\.1: rates must be above 0 and grow; try 1e-6 and 1"):
        find(path, tagger(), lowest=1, highest=0.1)


def test_the_command_prints_a_short_table_and_the_suggestion(path: Path) -> None:
    config = path.parent / "config.json"
    config.write_text(Config.model_validate({"models": {"t": tagger().model_dump()}}).model_dump_json())
    options = {"config": config, "model": "t", "train": path, "out": path.parent / "o.json", "steps": 40}
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    done = CliRunner().invoke(app, ["find-rate", *words], catch_exceptions=False)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert len(lines) == 1 + 10 + 1 + 1
    assert lines[1].split()[0] == "1.00e-06"
    suggested = json.loads((path.parent / "o.json").read_text())["suggested"]
    assert lines[-1].startswith(f"t: try train.learning_rate: {suggested:.2g} (lowest loss at ")
