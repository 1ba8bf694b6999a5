"""Settings of the optimiser and of its learning rate."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nuweave.config.base import Section

Momentum = Annotated[float, Field(ge=0, lt=1)]


class AdamWConfig(Section):
    """Adam with decoupled weight decay (1711.05101)."""

    kind: Literal["adamw"] = "adamw"
    weight_decay: float = Field(1e-2, ge=0, description="weight decay, times the learning rate a step")
    betas: tuple[Momentum, Momentum] = Field((0.9, 0.999), description="decay of the first and the second moment")


class SGDConfig(Section):
    """Stochastic gradient descent with momentum."""

    kind: Literal["sgd"] = "sgd"
    weight_decay: float = Field(0.0, ge=0, description="L2 penalty, added to the gradient")
    momentum: Momentum = Field(0.9, description="momentum of the gradient")


class LAMBConfig(Section):
    """Adam whose step of each layer is as large as the layer's weights ask, for large batches (1904.00962)."""

    kind: Literal["lamb"] = "lamb"
    weight_decay: float = Field(1e-2, ge=0, description="weight decay, inside the step that is scaled")
    betas: tuple[Momentum, Momentum] = Field((0.9, 0.999), description="decay of the first and the second moment")


class LARSConfig(Section):
    """SGD whose step of each layer is as large as the layer's weights ask, for large batches (1708.03888)."""

    kind: Literal["lars"] = "lars"
    weight_decay: float = Field(1e-4, ge=0, description="L2 penalty, inside the step that is scaled")
    momentum: Momentum = Field(0.9, description="momentum of the scaled step")
    trust_coefficient: float = Field(1e-3, gt=0, description="size of a layer's step over the size of its weights")


OptimizerConfig = Annotated[AdamWConfig | SGDConfig | LAMBConfig | LARSConfig, Field(discriminator="kind")]
BY_LAYER = ("lamb", "lars")  # kinds that look at the norm of a layer, which a shard of all weights does not have


class CosineConfig(Section):
    """A linear rise, then half a cosine down (1608.03983)."""

    kind: Literal["cosine"] = "cosine"
    warmup_fraction: float = Field(0.1, ge=0, lt=1, description="share of steps with a rising rate")
    final_fraction: float = Field(0.0, ge=0, lt=1, description="rate after the last step over the peak")


class ConstantConfig(Section):
    """A linear rise, then the peak to the end."""

    kind: Literal["constant"] = "constant"
    warmup_fraction: float = Field(0.1, ge=0, lt=1, description="share of steps with a rising rate")


class OneCycleConfig(Section):
    """Half a cosine up, half a cosine down to far below the start (1708.07120)."""

    kind: Literal["one_cycle"] = "one_cycle"
    warmup_fraction: float = Field(0.3, gt=0, lt=1, description="share of steps with a rising rate")
    start_divisor: float = Field(25.0, ge=1, description="peak over the first rate")
    final_divisor: float = Field(1e4, ge=1, description="first rate over the last")


class CyclicConfig(Section):
    """Triangles whose peaks decay, as 1912.10133 used them (exp_range of 1506.01186)."""

    kind: Literal["cyclic"] = "cyclic"
    half_cycle_steps: int = Field(100, ge=1, description="steps from the lowest rate to the peak")
    lowest_fraction: float = Field(0.11, gt=0, lt=1, description="lowest rate over the peak; 2e-4 / 1.8e-3 in 2D")
    decay: float = Field(0.999, gt=0, le=1, description="factor a step on the height of the triangles")


ScheduleConfig = Annotated[CosineConfig | ConstantConfig | OneCycleConfig | CyclicConfig, Field(discriminator="kind")]
