"""Settings of the training and of the overfit check before it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from nuweave.config.base import Section


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
    augment: bool = Field(False, description="random flips along each axis of the images, one draw an event")
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
