"""A training from first to last: join the ranks, go on where it stopped, train, write the model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch

from nuweave.config import ModelConfig, UserError
from nuweave.config.train import LoaderConfig, TrainConfig
from nuweave.loader import EventDataset, Sampler, evaluation_batches, make_sampler, stage, staged_path
from nuweave.sites.job_end import job_end
from nuweave.tasks import Task, in_file, make_task
from nuweave.train.checkpoint import Checkpoints, Progress
from nuweave.train.distributed import Ranks, all_ranks
from nuweave.train.engine import Engine, make_engine
from nuweave.train.errors import NonFiniteLossError, RunTakenError, TrainError
from nuweave.train.export import describe_model, export_model, package_commit
from nuweave.train.journal import Journal, say, validation_at
from nuweave.train.loop import StepDone, train_steps
from nuweave.train.network import new_network
from nuweave.train.profile import StepProfiler, read_profile
from nuweave.train.run_dir import (
    State,
    claim,
    fingerprint,
    owned,
    require_not_failed,
    write_json,
    write_settings,
    write_state,
)
from nuweave.train.schedule import make_schedule
from nuweave.train.selection import is_enough, updated
from nuweave.train.stop import stop_requests
from nuweave.train.stream import open_stream
from nuweave.train.validate import validate


def run_training(
    *,
    name: str,
    model: ModelConfig,
    seed: int,
    train_path: Path,
    val_path: Path,
    model_dir: Path,
    run_dir: Path,
    attempt: int = 1,
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
        attempt: number of this start within one job of the workflow; what failed is not tried again by itself.
    Returns:
        whether the training is finished; False where a signal or the end of the job cut it short: a checkpoint is
        written, run it again.
    Raises:
        TrainError: it cannot start, no checkpoint is whole, or the loss is not finite.
    """
    if attempt > 1:
        require_not_failed(run_dir)
    with stop_requests() as stop, all_ranks(model.train, say) as ranks, _owned(run_dir, ranks):
        training = _prepare(name, model, seed=seed, ranks=ranks, train_path=train_path, val_path=val_path)
        checkpoints = _claim(training, run_dir)
        with _stated(run_dir, ranks) as state:
            start = checkpoints.resume()
            if start.step and ranks.is_first:
                say(f"{name}: going on after step {start.step} of {model.train.max_steps}")
            if ranks.is_first:
                stop.before(job_end(os.environ), margin_s=60 * model.train.limits.stop_before_end_minutes)
            state("running")
            with _recorded(training, run_dir, start) as records:
                progress = _train(training, start, checkpoints, records=records, stop=stop, run_dir=run_dir)
            is_finished = _is_over(progress, model.train)
            if is_finished:
                _export(training, progress, checkpoints, run_dir=run_dir, model_dir=model_dir)
            elif ranks.is_first:
                say(f"{name}: {stop.reason}: saved after step {progress.step}; start it again to go on")
            state("finished" if is_finished else "stopped")
        ranks.barrier()  # nobody reports an end before all is written
        return is_finished


@dataclass(frozen=True)
class _Training:
    """Everything that the steps of a training need."""

    name: str
    model: ModelConfig
    seed: int
    ranks: Ranks
    task: Task
    engine: Engine
    train_set: EventDataset
    val_set: EventDataset
    sampler: Sampler

    @property
    def settings(self) -> TrainConfig:
        """Of the training."""
        return self.model.train

    @property
    def events_per_epoch(self) -> int:
        """Events that make an epoch, repeated ones counted."""
        return len(self.train_set) - self.sampler.dropped_per_epoch + self.sampler.padded_per_epoch


@dataclass(frozen=True)
class _Records:
    """What rank 0 keeps of the steps."""

    journal: Journal
    profiler: StepProfiler


@contextmanager
def _owned(run_dir: Path, ranks: Ranks) -> Iterator[None]:
    """Rank 0 owns the directory for all."""
    with ExitStack() as stack:
        fault = ""
        if ranks.is_first:
            try:
                stack.enter_context(owned(run_dir, say))
            except RunTakenError as error:
                fault = str(error)
        if fault := ranks.broadcast(fault):
            raise RunTakenError(fault)
        yield


def _prepare(name: str, model: ModelConfig, *, seed: int, ranks: Ranks, train_path: Path, val_path: Path) -> _Training:
    """Open the data, build network and engine: the same weights on every rank, dropout of each its own."""
    settings = model.train
    ranks.alive("opening the data")
    train_set, val_set = (_open(path, settings.loader, ranks) for path in (train_path, val_path))
    sampler = make_sampler(train_set, settings.loader, seed=seed, global_batch=settings.global_batch)
    ranks.alive("building the network")
    task = make_task(model.task)
    torch.manual_seed(seed)
    engine = make_engine(task, new_network(model, task, train_set), settings, ranks)
    torch.manual_seed(seed + 1 + ranks.rank)
    return _Training(name, model, seed, ranks, task, engine, train_set, val_set, sampler)


def _open(path: Path, settings: LoaderConfig, ranks: Ranks) -> EventDataset:
    """The events of a file, read from a copy on the node's own disk where the settings say so."""
    if settings.stage_dir is None:
        return EventDataset(path, verify=settings.verify)
    directory = Path(settings.stage_dir)
    if ranks.is_first_of_node:
        stage(path, directory)
    ranks.barrier()
    return EventDataset(staged_path(path, directory), verify=settings.verify)


def _claim(training: _Training, run_dir: Path) -> Checkpoints:
    """Make the directory that of this training; its checkpoints."""
    ranks, model, train_set = training.ranks, training.model, training.train_set
    if ranks.is_first:
        claim(run_dir, fingerprint(model, seed=training.seed, dataset=train_set), say)
        write_settings(run_dir, name=training.name, model=model, events_per_epoch=training.events_per_epoch)
        dropped, padded = training.sampler.dropped_per_epoch, training.sampler.padded_per_epoch
        if dropped or padded:
            say(f"an epoch leaves out {dropped} events and repeats {padded}")
    ranks.barrier()
    return Checkpoints(
        run_dir / "checkpoints",
        engine=training.engine,
        ranks=ranks,
        origin={
            "seed": training.seed,
            "manifest": train_set.manifest,
            "commit": package_commit() if ranks.is_first else "",
            "model": model.model_dump(mode="json"),
        },
        num_kept=model.train.keep_checkpoints,
        tell=say,
    )


@contextmanager
def _stated(run_dir: Path, ranks: Ranks) -> Iterator[Callable[..., None]]:
    """Rank 0 says what becomes of the training, by the function that is given; of errors by itself."""
    if not ranks.is_first:
        yield lambda *_, **__: None
        return
    try:
        yield partial(write_state, run_dir)
    except BaseException as error:
        state: State = "failed" if isinstance(error, UserError) else "stopped"  # a lost rank, an interrupt: try again
        with suppress(TrainError):  # of a full disk; what comes first counts
            write_state(run_dir, state, message=str(error) or type(error).__name__)
        raise


@contextmanager
def _recorded(training: _Training, run_dir: Path, start: Progress) -> Iterator[_Records | None]:
    """Rank 0 keeps a journal, and the events that gave a loss that is not finite."""
    if not training.ranks.is_first:
        yield None
        return
    try:
        journal = Journal(
            run_dir,
            name=training.name,
            model=training.model,
            first_step=start.step,
            events_per_epoch=training.events_per_epoch,
            primary=training.task.primary_metric,
            device=training.ranks.device,
        )
        with journal, StepProfiler(training.settings, run_dir, training.ranks.device) as profiler:
            yield _Records(journal, profiler)
    except NonFiniteLossError as error:
        write_json(run_dir / "nonfinite.json", {"step": error.step + 1, "events": error.event_ids})
        raise


def _train(
    training: _Training,
    progress: Progress,
    checkpoints: Checkpoints,
    *,
    records: _Records | None,
    stop: Callable[[], bool],
    run_dir: Path,
) -> Progress:
    """Train from `progress` to the end, or until told to stop; validate, record and save on the way."""
    settings, ranks = training.settings, training.ranks
    opened = open_stream(
        training.train_set,
        training.sampler,
        task=training.task,
        settings=settings,
        ranks=ranks,
        state=progress.loader,
    )
    with opened as stream:
        steps = train_steps(
            task=training.task,
            engine=training.engine,
            ranks=ranks,
            batches=stream,
            steps=range(progress.step, progress.step if _is_over(progress, settings) else settings.max_steps),
            rate=make_schedule(settings),
            asked_to_stop=stop,
            num_parts=settings.accumulate,
        )
        for done in _steps_on(training.train_set.paths[0], steps):
            best = progress.best
            if records:
                records.journal.step(done)
            if done.step == settings.max_steps or done.step % settings.validate_every == 0:
                metrics = _validate(training)
                best = updated(best, metrics, done.step, settings.selection)
                if records:
                    records.journal.validation(done.step, metrics)
            progress = Progress(done.step, progress.seconds + done.seconds, stream.state_dict(), best)
            ends = done.asked_to_stop or _is_over(progress, settings)
            is_best = best is not None and best.step == done.step
            if ends or is_best or done.step % settings.checkpoint_every == 0:
                checkpoints.save(progress)
            if records:
                records.profiler.step()
            if ends:
                break
        left_out = ranks.gather([str(fault) for fault in stream.quarantined])
    damaged = sorted({fault for faults in left_out for fault in faults})
    if damaged and ranks.is_first:
        write_json(run_dir / "quarantine.json", damaged)
        say(f"{training.name}: {len(damaged)} damaged events were left out; {run_dir / 'quarantine.json'} lists them")
    return progress


def _is_over(progress: Progress, settings: TrainConfig) -> bool:
    """Whether no step follows: all are done, or none brings the watched metric further."""
    return progress.step == settings.max_steps or is_enough(progress.best, settings.selection)


def _steps_on(path: Path, steps: Iterator[StepDone]) -> Iterator[StepDone]:
    """The steps; what their events lack is said of the file."""
    with in_file(path):
        yield from steps


def _validate(training: _Training) -> dict[str, float]:
    settings, ranks = training.settings, training.ranks
    batches = evaluation_batches(
        training.val_set,
        batch=settings.global_batch // (settings.ranks * settings.accumulate),
        rank=ranks.rank,
        world=ranks.world_size,
        max_events=settings.max_validation_events,
    )
    with in_file(training.val_set.paths[0]):
        return validate(training.task, training.engine.network, batches, settings=settings, ranks=ranks)


def _export(
    training: _Training, progress: Progress, checkpoints: Checkpoints, *, run_dir: Path, model_dir: Path
) -> None:
    """Write the model: the last weights, or those of the best validation."""
    settings, ranks, history = training.settings, training.ranks, run_dir / "metrics.jsonl"
    step = progress.step
    if settings.selection.export == "best" and progress.best is not None and progress.best.step != step:
        step = progress.best.step
        checkpoints.load_best(progress.best)
    if not ranks.is_first:
        return
    description = describe_model(
        name=training.name,
        model=training.model,
        seed=training.seed,
        dataset=training.train_set,
        training={
            "steps": progress.step,
            "exported_step": step,
            "best": progress.best and asdict(progress.best),
            "events": progress.step * settings.global_batch,
            "seconds": progress.seconds,  # of the steps, over all starts
            "ranks": ranks.world_size,
            "engine": settings.engine,
            "precision": settings.precision,
            "device": ranks.device.type,
            "profile": read_profile(run_dir),
        },
        validation=validation_at(history, step),
    )
    export_model(training.engine.network, description, history=history, model_dir=model_dir)
