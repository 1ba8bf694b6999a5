"""Settings of the tasks: what a network is trained to do."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from nuweave.config.base import Section

Head = Literal["neutrino", "protons", "charged_pions", "neutral_pions", "interaction"]
HEADS: tuple[Head, ...] = ("neutrino", "protons", "charged_pions", "neutral_pions")
NUM_CLASSES: dict[Head, int] = {"neutrino": 3, "protons": 3, "charged_pions": 2, "neutral_pions": 2, "interaction": 13}


class SegmentationConfig(Section):
    """Label every stored site as background, cosmic or neutrino."""

    kind: Literal["segmentation"] = "segmentation"
    sites: Literal["all", "neutrino"] = Field("all", description="sites that the network sees")
    balance: Literal["none", "mild", "light", "even", "focal"] = Field(
        "mild",
        description="loss weights of background, cosmic, neutrino: none; mild 1, 1.2, 3.2; light 1, 1.5, 10; "
        "even: every class as much in total; or focal with gamma 2",
    )
    focal_mean: Literal["sites", "weights"] = Field(
        "sites",
        description="a focal loss is divided by the number of sites (as CosmicTagger from 2.1 on), or by the sum of "
        "the focal weights of each rank by itself (as CosmicTagger before)",
    )
    focal_gradient: Literal["full", "entropy"] = Field(
        "full",
        description="a focal loss is differentiated in full (1708.02002), or in the cross entropy only, with focal "
        "weights that are constants (CosmicTagger)",
    )


class VertexConfig(Section):
    """Find the neutrino vertex in the image of every plane: which box of a grid holds it, and where in that box."""

    kind: Literal["vertex"] = "vertex"
    sites: Literal["all", "neutrino"] = Field("all", description="sites that the network sees")
    anchor_stride: int = Field(
        16, ge=1, description="sites along each axis of a box, a power of two that is a stride of the network"
    )
    num_filters: int = Field(128, ge=1, description="channels of the head that looks for the vertex")
    num_blocks: int = Field(4, ge=0, description="blocks of that head")
    detach: bool = Field(
        False,
        description="the head trains itself only, the network behind it learns from other tasks (as CosmicTagger 2.1)",
    )
    objectness_weight: float = Field(
        1.0, gt=0, description="factor of the focal losses of all boxes, their sum a mean over images"
    )
    offset_weight: float = Field(
        1.0, gt=0, description="factor of the squared error of the place in the box, in boxes, a mean over vertices"
    )

    @field_validator("anchor_stride")
    @classmethod
    def _power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError(f"must be a power of two; try {2 ** (value.bit_length() - 1)}")
        return value


class EventClassificationConfig(Section):
    """Name the interaction and count its particles, one softmax head each."""

    kind: Literal["event_classification"] = "event_classification"
    sites: Literal["all", "neutrino"] = Field(
        "neutrino",
        description="sites that the network sees: all, or those labelled neutrino (no cosmics, as in 1912.10133)",
    )
    heads: tuple[Head, ...] = Field(
        HEADS,
        min_length=1,
        description="what to classify; interaction is NOvA's scheme: QE, RES, DIS or other of each flavour, and NC",
    )
    label_smoothing: float = Field(0.05, ge=0, lt=1, description="label smoothing of the cross entropy")
    balance: Literal["none", "even", "focal"] = Field(
        "none", description="loss weights of events: none; even: every class as much in total; or focal with gamma 2"
    )
    class_weights: dict[Head, tuple[float, ...]] = Field(
        {},
        description="positive loss weights of the classes of a head, by its name: the loss is sum(w * entropy) / sum(w)"
        ", only with balance none; a head that is not named weighs its classes alike",
    )
    min_neutrino_sites: int = Field(
        0,
        ge=0,
        description="events with fewer sites labelled neutrino are cosmic only, a fourth class of the neutrino head "
        "(CosmicTagger has 10); 0: no such class",
    )

    @field_validator("heads")
    @classmethod
    def _unique(cls, value: tuple[Head, ...]) -> tuple[Head, ...]:
        if len(set(value)) != len(value):
            raise ValueError(f"names a head twice; try {list(dict.fromkeys(value))}")
        return value

    @model_validator(mode="after")
    def _sees_cosmics(self) -> Self:
        if self.min_neutrino_sites > 0 and (self.sites != "all" or "neutrino" not in self.heads):
            raise ValueError(
                f"min_neutrino_sites={self.min_neutrino_sites} needs sites: all and the head neutrino; "
                "try min_neutrino_sites: 0"
            )
        return self

    @model_validator(mode="after")
    def _weighs_its_classes(self) -> Self:
        if self.class_weights and self.balance != "none":
            raise ValueError(
                f"balance={self.balance} weighs the classes itself, class_weights would do it twice; try balance: none"
            )
        for head, weights in self.class_weights.items():
            if head not in self.heads:
                raise ValueError(f"class_weights.{head} is not among heads={list(self.heads)}; ask for it or remove it")
            num = NUM_CLASSES[head] + (head == "neutrino" and self.min_neutrino_sites > 0)
            if len(weights) != num or not all(weight > 0 for weight in weights):
                raise ValueError(
                    f"class_weights.{head}={list(weights)} needs {num} positive values, one a class; try {[1.0] * num}"
                )
        return self


SingleTaskConfig = SegmentationConfig | VertexConfig | EventClassificationConfig


class SeveralConfig(Section):
    """Several tasks on one network: the sum of their losses, each times its weight."""

    kind: Literal["several"] = "several"
    tasks: dict[str, Annotated[SingleTaskConfig, Field(discriminator="kind")]] = Field(
        min_length=2,
        description="names and tasks, each of another kind, with its own keys as above; the first says how good a "
        "model is",
    )
    weights: dict[str, float] = Field(
        {},
        description="factor of the loss of each task, by name; 1 where none is given (CosmicTagger 2.1: events 0.01)",
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        for name in self.tasks:
            if not name.replace("_", "").isalnum():
                raise ValueError(f"tasks: the name {name!r} becomes a part of names: use letters, digits and _ only")
        kinds = {name: task.kind for name, task in self.tasks.items()}
        if len(set(kinds.values())) != len(kinds):
            raise ValueError(f"tasks={kinds} has a kind twice; give each kind once")
        sites = {name: task.sites for name, task in self.tasks.items()}
        if len(set(sites.values())) != 1:
            raise ValueError(f"tasks see different sites {sites}, one network sees the same; try sites: all for each")
        return self

    @model_validator(mode="after")
    def _usable_weights(self) -> Self:
        for name, weight in self.weights.items():
            if name not in self.tasks:
                raise ValueError(f"weights.{name} is of no task; known tasks: {', '.join(self.tasks)}")
            if weight <= 0:
                raise ValueError(f"weights.{name}={weight:g} must be above 0; leave the task {name} out, or try 1")
        return self


TaskConfig = Annotated[SingleTaskConfig | SeveralConfig, Field(discriminator="kind")]


def single_tasks(task: TaskConfig) -> tuple[SingleTaskConfig, ...]:
    """The tasks behind the settings of one or of several."""
    return tuple(task.tasks.values()) if isinstance(task, SeveralConfig) else (task,)
