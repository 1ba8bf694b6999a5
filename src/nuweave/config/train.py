"""Settings of the training and of the overfit check before it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from nuweave.config.base import Section


class AugmentConfig(Section):
    """What is done to an event at random before each use: one draw, the same for image, labels and vertex."""

    flip: bool = Field(False, description="mirror along each axis of the images with probability 1/2")
    max_shift: tuple[int, ...] = Field(
        (),
        description="shift all planes by up to so many sites along each axis (along wires no real movement)",
    )
    scale: float = Field(0.0, ge=0, lt=1, description="multiply the values by a factor from 1 - scale to 1 + scale")

    @field_validator("max_shift")
    @classmethod
    def _not_negative(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if min(value, default=0) < 0:
            raise ValueError("holds a negative number; give the largest distance along each axis, as in [8, 8]")
        return value


class LoaderConfig(Section):
    """How events come from the file to the network."""

    threads: int = Field(1, ge=1, description="threads that read, beside the training")
    prefetch: int = Field(2, ge=1, description="batches read ahead")
    max_sites: int | None = Field(
        None, ge=1, description="most sites of a global batch: it then has fewer events where they are large"
    )
    remainder: Literal["carry", "drop_last", "pad"] = Field(
        "carry",
        description="a batch at the end of an epoch: carry over into the next, drop_last, or pad with its first events",
    )
    block_events: int = Field(256, ge=1, description="neighbouring events that are shuffled as one block")
    window_blocks: int = Field(16, ge=1, description="blocks whose events are shuffled among each other")
    verify: bool = Field(True, description="compare blocks with their checksums when they are first read")
    quarantine: int = Field(
        0, ge=0, description="damaged events that a rank may leave out, listing each, before the training stops"
    )
    stage_dir: str | None = Field(
        None, description="local directory of each node to which the files are copied before they are read"
    )

    @model_validator(mode="after")
    def _budget_carries(self) -> Self:
        if self.max_sites is not None and self.remainder != "carry":
            raise ValueError(f"max_sites needs remainder=carry, found {self.remainder}: its batches vary in size")
        return self


class TrainConfig(Section):
    """One training run."""

    engine: Literal["deepspeed", "torch"] = Field(
        "deepspeed", description="deepspeed, or plain torch (one process, or DDP over the same ranks)"
    )
    ranks: int = Field(2, ge=1, description="MPI ranks")
    global_batch: int = Field(4, ge=1, description="events a step, over all ranks")
    max_steps: int = Field(300, ge=1, description="optimiser steps")
    learning_rate: float = Field(1e-2, gt=0, description="peak learning rate of AdamW")
    weight_decay: float = Field(1e-2, ge=0, description="weight decay of AdamW")
    warmup_fraction: float = Field(
        0.1, ge=0, lt=1, description="share of steps with a rising rate; a cosine falls after it"
    )
    clip_norm: float = Field(5.0, gt=0, description="largest norm of the gradient")
    precision: Literal["fp32", "bf16"] = Field("fp32", description="number format of the network")
    zero_stage: Literal[0, 1, 2] = Field(1, description="DeepSpeed ZeRO stage")
    augment: AugmentConfig = Field(AugmentConfig(), description="random changes to the events; none by default")
    loader: LoaderConfig = Field(LoaderConfig(), description="from the file to the network")
    log_every: int = Field(10, ge=1, description="steps between lines of metrics.jsonl")
    validate_every: int = Field(100, ge=1, description="steps between validations")
    max_validation_events: int = Field(100, ge=1, description="validation events looked at each time")
    checkpoint_every: int = Field(100, ge=1, description="steps between checkpoints")

    @model_validator(mode="after")
    def _batch_divides(self) -> Self:
        if self.global_batch % self.ranks:
            good = max(1, round(self.global_batch / self.ranks)) * self.ranks
            raise ValueError(f"global_batch={self.global_batch} must divide by ranks={self.ranks}; try {good}")
        return self


class OverfitConfig(Section):
    """The check before any long training: the network must be able to learn a handful of events by heart."""

    num_events: int = Field(4, ge=1, description="events to learn")
    max_steps: int = Field(200, ge=1, description="steps that it may take")
    learning_rate: float = Field(1e-2, gt=0, description="learning rate of AdamW")
    max_loss: float = Field(0.1, gt=0, description="training loss that counts as near zero")
