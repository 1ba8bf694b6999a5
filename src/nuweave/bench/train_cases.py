"""The trainings that `bench train` times: the demo's networks, a way a case, cases that are compared in one group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from nuweave.bench.model_ways import A21
from nuweave.config import ModelConfig
from nuweave.config.settings import demo_models

TAGGER, EVENT_ID, LARGE = "cosmic_tagger", "event_id", "a21"
DEFAULT_NETWORK = "default"  # CosmicTagger's, 18.4 million parameters
BATCHES_A_RANK = (1, 2, 4, 8)
PARTS = (1, 2, 4)
GPU_BATCHES = (1, 4)
TORCH: dict[str, object] = {"engine": "torch"}
ENGINES: Mapping[str, dict[str, object]] = {
    "torch": TORCH,
    **{f"ZeRO {stage}": {"engine": "deepspeed", "zero_stage": stage} for stage in (0, 1, 2)},
}


@dataclass(frozen=True)
class Case:
    """A training, and how its events come to it.

    Attributes:
        name: its own within a group.
        network: TAGGER or EVENT_ID as the demo trains them; LARGE or DEFAULT_NETWORK, which label sites as TAGGER does.
        train: changes to the settings of the training.
        layout: of the network.
        events: "read" by the loader while the training goes on; or "held": the same batches, read beforehand.
        alike: whether every rank has the same events, as many as its share of the global batch.
        exchange: whether gradients are averaged over ranks; only the engine torch can do without.
    """

    name: str
    network: str = TAGGER
    train: Mapping[str, object] = field(default_factory=dict)
    layout: Literal["sparse", "dense"] = "sparse"
    events: Literal["read", "held"] = "held"
    alike: bool = False
    exchange: bool = True


Groups = Mapping[str, Sequence[Case]]  # what one group is about -> cases whose steps are timed in turn


def model_of(case: Case, *, num_ranks: int) -> ModelConfig:
    """The settings of a case."""
    model = _models()[case.network]
    network = model.network.model_copy(update={"layout": case.layout})
    train = {**model.train.model_dump(), "ranks": num_ranks, **case.train}
    return ModelConfig.model_validate({"task": model.task, "network": network, "train": train})


def _models() -> dict[str, ModelConfig]:
    models = demo_models()
    default = {"num_filters": 16, "blocks_final": 5, "block": "residual", "connections": "concat"}
    for name, network in ((LARGE, A21), (DEFAULT_NETWORK, A21.model_copy(update=default))):
        models[name] = models[TAGGER].model_copy(update={"network": network})
    return models


def two_rank_groups() -> Groups:
    """What is compared on two ranks; the settings that are not named are the demo's."""
    return {
        "waiting, cosmic_tagger": [Case("demo", events="read")],
        "waiting, event_id": [Case("demo", EVENT_ID, events="read")],
        "engine": [Case(name, train=changes) for name, changes in ENGINES.items()],
        "engine, event_id": [Case(name, EVENT_ID, ENGINES[name]) for name in ("torch", "ZeRO 1")],
        "engine, a21": [Case(name, LARGE, ENGINES[name]) for name in ("torch", "ZeRO 1")],
        "events": [Case("read", events="read"), Case("held")],
        "batch": [Case(str(num), train={"global_batch": 2 * num}) for num in BATCHES_A_RANK],
        "precision": [Case(name, train={"precision": name}) for name in ("fp32", "bf16", "fp16")],
        "accumulate": [Case(str(num), train={"accumulate": num, "global_batch": 2 * max(PARTS)}) for num in PARTS],
        "recompute": [Case(str(on).lower(), train={"recompute": on}) for on in (False, True)],
        "exchange": _with_and_without_exchange(TAGGER),
        "exchange, a21": _with_and_without_exchange(LARGE),
    }


def _with_and_without_exchange(network: str) -> list[Case]:
    return [Case(str(on).lower(), network, TORCH, exchange=on) for on in (True, False)]


def scaling_groups(num_ranks: int) -> Groups:
    """The same on one rank and on two; weak: two events a rank, strong: four events in all."""
    weak: dict[str, object] = {"global_batch": 2 * num_ranks}
    return {
        "scaling": [
            Case("weak", train=TORCH | weak, alike=True),
            Case("weak, ZeRO 1", train=weak, alike=True),
            Case("weak, own events", train=TORCH | weak),
            Case("strong", train=TORCH | {"global_batch": 4}),
        ]
    }


def event_groups() -> Groups:
    """One event a step on one rank: how long it takes grows with its sites."""
    return {"one event": [Case("torch", train=TORCH | {"global_batch": 1})]}


def gpu_groups() -> Groups:
    """A21 on whole images and on active sites, a case a group: the peak of memory is that of the case."""
    return {
        f"GPU, {layout}, batch {batch}, {precision}": [
            Case("ZeRO 1", LARGE, {"global_batch": batch, "precision": precision}, layout=layout)
        ]
        for layout in ("dense", "sparse")
        for batch in GPU_BATCHES
        for precision in ("fp32", "bf16")
    }
