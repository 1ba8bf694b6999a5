"""A training from first to last: join the ranks, go on where it stopped, train, write the model."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nuweave.config import ModelConfig
from nuweave.config.train import LoaderConfig, TrainConfig
from nuweave.loader import EventDataset, TrainingStream, evaluation_batches, make_sampler, stage, staged_path
from nuweave.models import build_network
from nuweave.store import write_aside
from nuweave.tasks import Task, in_file, make_task
from nuweave.train.checkpoint import Checkpoints, Progress, claim_run_dir, fingerprint
from nuweave.train.distributed import Ranks, all_ranks
from nuweave.train.engine import Engine, make_engine
from nuweave.train.errors import NonFiniteLossError
from nuweave.train.export import describe_model, export_model
from nuweave.train.journal import Journal, last_validation, say
from nuweave.train.loop import StepDone, train_steps
from nuweave.train.schedule import make_schedule
from nuweave.train.validate import validate

STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


def run_training(
    *, name: str, model: ModelConfig, seed: int, train_path: Path, val_path: Path, model_dir: Path, run_dir: Path
) -> bool:
    """Train a model, or go on with its training; every rank calls it.

    Args:
        name: of the model.
        model: its settings.
        seed: of weights and order.
        train_path: packed training events.
        val_path: packed validation events.
        model_dir: gets the finished model.
        run_dir: keeps checkpoints and records between starts.
    Returns:
        whether the training is finished; False after SIGTERM or SIGUSR1: a checkpoint is written, run it again.
    Raises:
        TrainError: it cannot start, no checkpoint is whole, or the loss is not finite.
    """
    with all_ranks(model.train.ranks) as ranks, _stop_signals() as asked_to_stop:
        training = _prepare(model, seed=seed, ranks=ranks, train_path=train_path, val_path=val_path)
        if ranks.is_first:
            claim_run_dir(run_dir, fingerprint(model, seed=seed, train_path=train_path), say)
        ranks.barrier()
        checkpoints = Checkpoints(run_dir / "checkpoints", engine=training.engine, ranks=ranks, tell=say)
        start = checkpoints.resume()
        if start.step and ranks.is_first:
            say(f"{name}: going on after step {start.step} of {model.train.max_steps}")
        opened = Journal(run_dir, name=name, first_step=start.step, settings=model.train) if ranks.is_first else None
        with opened or nullcontext() as journal:
            try:
                progress, left_out = _train(
                    training, start, checkpoints=checkpoints, journal=journal, stop=asked_to_stop
                )
            except NonFiniteLossError as error:
                if ranks.is_first:
                    _write_events(run_dir / "nonfinite.json", error)
                raise
        if left_out and ranks.is_first:
            with write_aside(run_dir / "quarantine.json") as part:
                part.write_text(json.dumps(left_out, indent=1) + "\n")
            say(f"{name}: {len(left_out)} damaged events were left out; {run_dir / 'quarantine.json'} lists them")
        is_finished = progress.step == model.train.max_steps
        if is_finished and ranks.is_first:
            history = run_dir / "metrics.jsonl"
            description = describe_model(
                name=name,
                model=model,
                seed=seed,
                dataset=training.train_set,
                training=_summary(model.train, progress, ranks),
                validation=last_validation(history),
            )
            export_model(training.engine.network, description, history=history, model_dir=model_dir)
        return is_finished


@dataclass(frozen=True)
class _Training:
    """Everything that the steps of a training need."""

    settings: TrainConfig
    seed: int
    ranks: Ranks
    task: Task
    engine: Engine
    train_set: EventDataset
    val_set: EventDataset


def _prepare(model: ModelConfig, *, seed: int, ranks: Ranks, train_path: Path, val_path: Path) -> _Training:
    """Open the data, build network and engine: the same weights on every rank, dropout of each its own."""
    train_set, val_set = (_open(path, model.train.loader, ranks) for path in (train_path, val_path))
    task = make_task(model.task)
    torch.manual_seed(seed)
    network = build_network(model.network, task.outputs, num_planes=train_set.num_planes, shape=train_set.shape)
    engine = make_engine(task, network, model.train, ranks)
    torch.manual_seed(seed + 1 + ranks.rank)
    return _Training(model.train, seed, ranks, task, engine, train_set, val_set)


def _open(path: Path, settings: LoaderConfig, ranks: Ranks) -> EventDataset:
    """The events of a file, read from a copy on the node's own disk where the settings say so."""
    if settings.stage_dir is None:
        return EventDataset(path, verify=settings.verify)
    directory = Path(settings.stage_dir)
    if ranks.is_first_of_node:
        stage(path, directory)
    ranks.barrier()
    return EventDataset(staged_path(path, directory), verify=settings.verify)


def _train(
    training: _Training,
    progress: Progress,
    checkpoints: Checkpoints,
    *,
    journal: Journal | None,
    stop: Callable[[], bool],
) -> tuple[Progress, list[str]]:
    """Train from `progress` to the end, or until told to stop; validate, record and save on the way.

    Returns:
        how far it came, and the damaged events that any rank left out.
    """
    settings, ranks = training.settings, training.ranks
    sampler = make_sampler(training.train_set, settings.loader, seed=training.seed, global_batch=settings.global_batch)
    if ranks.is_first and (sampler.dropped_per_epoch or sampler.padded_per_epoch):
        say(f"an epoch leaves out {sampler.dropped_per_epoch} events and repeats {sampler.padded_per_epoch}")
    stream = TrainingStream(
        training.train_set,
        sampler,
        rank=ranks.rank,
        world=ranks.world_size,
        state=progress.loader or None,
        augment=settings.augment,
        settings=settings.loader,
        device=ranks.device,
    )
    with stream:
        steps = train_steps(
            task=training.task,
            engine=training.engine,
            ranks=ranks,
            batches=stream,
            steps=range(progress.step, settings.max_steps),
            rate=make_schedule(settings),
            asked_to_stop=stop,
        )
        for done in _steps_on(training.train_set.paths[0], steps):
            progress = Progress(done.step, progress.seconds + done.seconds, stream.state_dict())
            is_last = done.step == settings.max_steps
            stops = done.asked_to_stop and not is_last
            if journal:
                journal.step(done)
            if is_last or done.step % settings.validate_every == 0:
                metrics = _validate(training)
                if journal:
                    journal.validation(done.step, metrics)
            if is_last or stops or done.step % settings.checkpoint_every == 0:
                checkpoints.save(progress)
            if stops:
                break
        left_out = ranks.gather([str(fault) for fault in stream.quarantined])
    return progress, sorted({fault for faults in left_out for fault in faults})


def _steps_on(path: Path, steps: Iterator[StepDone]) -> Iterator[StepDone]:
    """The steps; what their events lack is said of the file."""
    with in_file(path):
        yield from steps


def _validate(training: _Training) -> dict[str, float]:
    settings, ranks = training.settings, training.ranks
    batches = evaluation_batches(
        training.val_set,
        batch=settings.global_batch // settings.ranks,
        rank=ranks.rank,
        world=ranks.world_size,
        max_events=settings.max_validation_events,
    )
    with in_file(training.val_set.paths[0]):
        return validate(training.task, training.engine.network, batches, settings=settings, ranks=ranks)


def _summary(settings: TrainConfig, progress: Progress, ranks: Ranks) -> dict[str, Any]:
    """The part `training` of model.json; seconds are those of the steps, over all starts."""
    return {
        "steps": progress.step,
        "events": progress.step * settings.global_batch,
        "seconds": progress.seconds,
        "ranks": ranks.world_size,
        "engine": settings.engine,
        "precision": settings.precision,
        "device": ranks.device.type,
    }


def _write_events(path: Path, error: NonFiniteLossError) -> None:
    with write_aside(path) as part:
        part.write_text(json.dumps({"step": error.step + 1, "events": error.event_ids}) + "\n")


@contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """While inside, SIGTERM and SIGUSR1 are only noted: the function that is given says whether one came."""
    received: list[int] = []
    before = {number: signal.signal(number, lambda number, _frame: received.append(number)) for number in STOP_SIGNALS}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
