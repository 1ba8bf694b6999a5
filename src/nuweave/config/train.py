"""Settings of the training and of the overfit check before it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from nuweave.config.base import ConfigError, Section
from nuweave.config.optimizer import BY_LAYER, AdamWConfig, CosineConfig, OptimizerConfig, ScheduleConfig


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


class SelectionConfig(Section):
    """Which weights become the model, and when more training is of no use."""

    metric: str = Field("loss", description="watched metric of the validation; larger is better, but for loss")
    export: Literal["last", "best"] = Field("last", description="weights of the last step, or of the best validation")
    patience: int | None = Field(
        None, ge=1, description="validations without a better one after which the training ends; null: never"
    )
    min_change: float = Field(0.0, ge=0, description="change of the metric that counts as better")


class LimitsConfig(Section):
    """What ends a start of a training that could go on: a rerun resumes."""

    stop_before_end_minutes: float = Field(
        5.0, ge=0, description="save and leave so long before the end of the job that the scheduler states [min]"
    )
    hang_timeout_s: float = Field(
        1800.0, gt=0, description="time without progress of a rank after which the run ends and names it [s]"
    )


class TrainConfig(Section):
    """One training run."""

    engine: Literal["deepspeed", "torch"] = Field(
        "deepspeed", description="deepspeed, or plain torch (one process, or DDP over the same ranks)"
    )
    ranks: int = Field(2, ge=1, description="MPI ranks; may change between the starts of a training")
    ranks_per_device: int = Field(1, ge=1, description="ranks that share a GPU, over gloo where more than one")
    global_batch: int = Field(4, ge=1, description="events a step, over all ranks")
    accumulate: int = Field(1, ge=1, description="parts that a rank's events of a step are cut into, to save memory")
    max_steps: int = Field(300, ge=1, description="optimiser steps")
    learning_rate: float = Field(1e-2, gt=0, description="peak learning rate")
    optimizer: OptimizerConfig = Field(AdamWConfig(), description="what moves the weights")
    schedule: ScheduleConfig = Field(CosineConfig(), description="the learning rate over the steps")
    clip_norm: float = Field(5.0, gt=0, description="largest norm of the gradient")
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        "fp32", description="number format of the products; weights stay fp32; fp16 scales the loss"
    )
    zero_stage: Literal[0, 1, 2] = Field(1, description="DeepSpeed ZeRO stage")
    recompute: bool = Field(
        False,
        description="keep activations between blocks only, compute those inside again: less memory, more time",
    )
    augment: AugmentConfig = Field(AugmentConfig(), description="random changes to the events; none by default")
    loader: LoaderConfig = Field(LoaderConfig(), description="from the file to the network")
    log_every: int = Field(10, ge=1, description="steps between lines of metrics.jsonl")
    validate_every: int = Field(100, ge=1, description="steps between validations")
    max_validation_events: int | None = Field(
        None, ge=1, description="validation events looked at each time; null: all"
    )
    selection: SelectionConfig = Field(SelectionConfig(), description="the best weights, and an early end")
    checkpoint_every: int = Field(100, ge=1, description="steps between checkpoints")
    keep_checkpoints: int = Field(2, ge=1, description="newest checkpoints that stay; the best stays too")
    limits: LimitsConfig = Field(LimitsConfig(), description="what ends a start that could go on")
    profile_steps: int = Field(0, ge=0, description="steps that torch.profiler looks at, after ten others; 0: none")
    mlflow_dir: str | None = Field(
        None, description="directory of an offline MLflow store that gets the metrics too (needs nuweave[mlflow])"
    )

    def nearest_batch(self, ranks: int) -> int:
        """The global batch nearest to ours that so many ranks can share: ours itself, if they can."""
        parts = ranks * self.accumulate
        return max(1, round(self.global_batch / parts)) * parts

    def on_ranks(self, ranks: int) -> Self:
        """The same training on another number of ranks.

        Raises:
            ConfigError: they cannot share its batches.
        """
        try:
            return self.model_validate({**self.model_dump(), "ranks": ranks})
        except ValidationError as error:
            fault = error.errors()[0]
            raise ConfigError(
                f"--ranks {ranks} (environment: NUWEAVE_RANKS): {fault['msg'].removeprefix('Value error, ')}"
            ) from None

    @model_validator(mode="after")
    def _batch_divides(self) -> Self:
        good = self.nearest_batch(self.ranks)
        if good != self.global_batch:
            rule = f"ranks={self.ranks}" + (f" x accumulate={self.accumulate}" if self.accumulate > 1 else "")
            raise ValueError(f"global_batch={self.global_batch} must divide by {rule}; try {good}")
        return self

    @model_validator(mode="after")
    def _layers_are_whole(self) -> Self:
        if self.optimizer.kind in BY_LAYER and self.engine == "deepspeed" and self.zero_stage:
            raise ValueError(
                f"optimizer.kind={self.optimizer.kind} looks at whole layers, zero_stage={self.zero_stage} cuts them; "
                "try zero_stage: 0, or engine: torch"
            )
        return self


class OverfitConfig(Section):
    """The check before any long training: the network must be able to learn a handful of events by heart."""

    num_events: int = Field(4, ge=1, description="events to learn")
    max_steps: int = Field(200, ge=1, description="steps that it may take")
    learning_rate: float = Field(1e-2, gt=0, description="learning rate")
    max_loss: float = Field(0.1, gt=0, description="training loss that counts as near zero")
