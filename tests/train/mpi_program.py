"""What the MPI tests start on two ranks.

engines TRAIN OUT                a few steps with every engine; rank 0 writes losses and weights
train DIRECTORY TRAIN VAL STEP   a training with DeepSpeed; rank 1 alone is told to stop at STEP (-1: never)
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from nuweave.config.optimizer import BY_LAYER
from nuweave.config.train import TrainConfig
from nuweave.loader import EventDataset, TrainingStream, make_sampler
from nuweave.tasks import make_task
from nuweave.train import leave_together, run_training
from nuweave.train import run as run_module
from nuweave.train.distributed import Ranks, all_ranks
from nuweave.train.engine import make_engine
from nuweave.train.loop import train_steps
from nuweave.train.network import new_network
from nuweave.train.schedule import make_schedule
from tests.train.events import classifier, tagger

NOT_FINISHED = 85
Trained = dict[str, list[float]]
ENGINES: dict[str, dict[str, object]] = {
    "torch": {"engine": "torch"},
    "zero 0": {"engine": "deepspeed", "zero_stage": 0},
    "zero 1": {"engine": "deepspeed", "zero_stage": 1},
    "zero 2": {"engine": "deepspeed", "zero_stage": 2},
}
WAYS: dict[str, dict[str, object]] = {  # that change no more than rounding
    "adamw": {},
    "sgd": {"optimizer": {"kind": "sgd"}},
    "accumulated": {"optimizer": {"kind": "sgd"}, "accumulate": 2},
    "bf16": {"optimizer": {"kind": "sgd"}, "precision": "bf16"},
    "fp16": {"optimizer": {"kind": "sgd"}, "precision": "fp16"},
    "recomputed": {"optimizer": {"kind": "sgd"}, "recompute": True},
    "lamb": {"optimizer": {"kind": "lamb"}},
    "lars": {"optimizer": {"kind": "lars"}},
}
STEEP = ("bf16",)  # rounds too much for the gradients of a norm of one site
CUTS_LAYERS = ("zero 1", "zero 2")  # so that LAMB and LARS do not know them


def norm_of(way: str) -> str:
    """Of a site by itself, or over the events of all ranks."""
    return "sync_batch" if way in STEEP else "layer"


def short_training(path: Path, settings: dict[str, object], ranks: Ranks, *, norm: str) -> Trained:
    """Losses and norms of four steps, and the sum of squares of each weight tensor after them.

    The norm looks at one site only, or at the events of all ranks. Over two channels that of a site would hardly be
    more than a sign, whose gradient is nothing but rounding: there are eight.
    """
    model = tagger(overfit=None, ranks=ranks.world_size, max_steps=4, clip_norm=0.5, **settings)
    dataset, task = EventDataset(path), make_task(model.task)
    torch.manual_seed(3)
    network = model.network.model_copy(update={"norm": norm, "num_filters": 8})
    model = model.model_copy(update={"network": network})
    engine = make_engine(task, new_network(model, task, dataset), model.train, ranks)
    sampler = make_sampler(dataset, model.train.loader, seed=3, global_batch=model.train.global_batch)
    with TrainingStream(dataset, sampler, rank=ranks.rank, world=ranks.world_size) as stream:
        done = list(
            train_steps(
                task=task,
                engine=engine,
                ranks=ranks,
                batches=stream,
                steps=range(4),
                rate=make_schedule(model.train),
                asked_to_stop=lambda: False,
                num_parts=model.train.accumulate,
            )
        )
    return {
        "losses": [one.loss for one in done],
        "norms": [one.gradient_norm for one in done],
        "weights": [float(tensor.detach().double().square().sum()) for tensor in engine.network.parameters()],
    }


def compare_engines(path: Path, out: Path) -> None:
    """The same steps with every engine."""
    with all_ranks(tagger(ranks=2).train, tell=lambda _line: None) as ranks:
        results = {
            f"{engine}, {way}": short_training(path, {**ENGINES[engine], **WAYS[way]}, ranks, norm=norm_of(way))
            for engine in ENGINES
            for way in WAYS
            if not (engine in CUTS_LAYERS and way in BY_LAYER)
        }
        results |= {
            f"{engine}, sync_batch": short_training(path, {**ENGINES[engine], **WAYS["sgd"]}, ranks, norm="sync_batch")
            for engine in ENGINES
        }
        if ranks.is_first:
            out.write_text(json.dumps(results))


def train(directory: Path, train_path: Path, val_path: Path, stop_at: int) -> bool:
    """Twelve steps of a network with dropout."""

    def make(settings: TrainConfig) -> Callable[[int], float]:
        def rate(step: int) -> float:
            if step == stop_at and os.environ["RANK"] == "1":
                os.kill(os.getpid(), signal.SIGUSR1)
            return make_schedule(settings)(step)

        return rate

    setattr(run_module, "make_schedule", make)  # noqa: B010  (the module does not offer it)
    return run_training(
        name="tiny",
        model=classifier(engine="deepspeed", ranks=2, max_steps=12),
        seed=5,
        train_path=train_path,
        val_path=val_path,
        model_dir=directory / "model",
        run_dir=directory / "run",
    )


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "engines":
        compare_engines(*map(Path, arguments))
        leave_together(0)
    else:
        directory, train_path, val_path = map(Path, arguments[:3])
        leave_together(0 if train(directory, train_path, val_path, int(arguments[3])) else NOT_FINISHED)
