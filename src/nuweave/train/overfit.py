"""The check before any long training: a network that cannot learn a handful of events by heart will not learn more."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from itertools import repeat, zip_longest
from pathlib import Path

from nuweave.catalog import read_classes
from nuweave.config import ModelConfig
from nuweave.config.models import AlexNetConfig, CVNConfig, ResNetConfig
from nuweave.config.tasks import EventClassificationConfig, SeveralConfig, TaskConfig
from nuweave.loader import EventDataset
from nuweave.store import ShardReader, write_aside
from nuweave.tasks import in_file, make_task
from nuweave.train.alone import train_alone
from nuweave.train.errors import OverfitError
from nuweave.train.schedule import overfit_rate


@dataclass(frozen=True)
class OverfitResult:
    """The verdict, and the loss of every step behind it."""

    model: str
    passed: bool
    num_events: int
    steps: int
    first_loss: float
    final_loss: float
    max_loss: float
    losses: list[float]


def run_overfit(*, name: str, model: ModelConfig, seed: int, train_path: Path, out: Path) -> OverfitResult:
    """Train on a few events until the loss is near zero, in this process alone.

    Args:
        name: of the model.
        model: its settings; nothing that works against learning by heart is used of them.
        seed: of the weights.
        train_path: packed training events.
        out: gets the result as JSON, passed or not.
    Raises:
        OverfitError: the loss stayed above `overfit.max_loss`.
    """
    dataset = EventDataset(train_path)
    entries = choose_entries(train_path, model.overfit.num_events)
    with in_file(train_path):
        result = learn_by_heart(name, model, seed=seed, dataset=dataset, entries=entries)
    with write_aside(out) as part:
        part.write_text(json.dumps(asdict(result)) + "\n")
    if result.first_loss == 0:
        raise OverfitError(
            f"overfit check of {name} failed: none of its {result.num_events} events has a truth to learn; "
            "look at labels, or raise overfit.num_events"
        )
    if not result.passed:
        raise OverfitError(
            f"overfit check of {name} failed: loss {result.final_loss:.4g} after {result.steps} steps on "
            f"{result.num_events} events, rule: <= {result.max_loss:g}; look at labels and learning rate, "
            "or raise overfit.max_steps"
        )
    return result


def choose_entries(path: Path, num_events: int) -> list[int]:
    """The first events of each neutrino class in turn; events without a class only where the others do not suffice."""
    with ShardReader(path) as reader:
        classes = read_classes(reader).get("neutrino")
        num_stored = len(reader)
    if classes is None:
        return list(range(min(num_events, num_stored)))
    by_class: dict[int, list[int]] = defaultdict(list)
    for entry, label in enumerate(classes.tolist()):
        by_class[label].append(entry)
    without = by_class.pop(-1, [])
    turns = [entry for turn in zip_longest(*by_class.values()) for entry in turn if entry is not None]
    return sorted([*turns, *without][:num_events])


def learn_by_heart(
    name: str, model: ModelConfig, *, seed: int, dataset: EventDataset, entries: list[int]
) -> OverfitResult:
    """All events in one batch at every step; stops as soon as the loss is small enough."""
    rule = model.overfit
    losses: list[float] = []
    for done in train_alone(
        without_regularisation(model, num_events=len(entries)),
        seed=seed,
        dataset=dataset,
        batches=repeat(make_task(model.task).prepare(dataset.read(entries))),
        num_steps=rule.max_steps,
        rate=lambda step: overfit_rate(step, rule),
    ):
        losses.append(done.loss)
        if done.loss <= rule.max_loss:
            break
    return OverfitResult(
        model=name,
        passed=losses[0] > 0 and losses[-1] <= rule.max_loss,
        num_events=len(entries),
        steps=len(losses),
        first_loss=losses[0],
        final_loss=losses[-1],
        max_loss=rule.max_loss,
        losses=losses,
    )


def without_regularisation(model: ModelConfig, *, num_events: int) -> ModelConfig:
    """The same model, all events a step, without weight decay, dropout and label smoothing."""
    task, network = _without_smoothing(model.task), model.network
    if isinstance(network, ResNetConfig | CVNConfig | AlexNetConfig):
        network = network.model_copy(update={"dropout": 0.0})
    optimizer = model.train.optimizer.model_copy(update={"weight_decay": 0.0})
    train = model.train.model_copy(update={"global_batch": num_events, "accumulate": 1, "optimizer": optimizer})
    return model.model_copy(update={"task": task, "network": network, "train": train})


def _without_smoothing(task: TaskConfig) -> TaskConfig:
    if isinstance(task, SeveralConfig):
        return task.model_copy(update={"tasks": {name: _without_smoothing(one) for name, one in task.tasks.items()}})
    if isinstance(task, EventClassificationConfig):
        return task.model_copy(update={"label_smoothing": 0.0})
    return task
