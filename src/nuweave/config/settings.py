"""The whole configuration, and how it is read and refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, get_args, get_origin

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from nuweave.config.base import ConfigError, Section, sections_of
from nuweave.config.catalog import SplitConfig
from nuweave.config.cluster import ClusterConfig
from nuweave.config.convert import ConvertConfig
from nuweave.config.dataset import DatasetConfig
from nuweave.config.evaluate import EvaluateConfig, ReportConfig
from nuweave.config.models import BlockConfig, NetworkConfig, ResNetConfig, UResNetConfig
from nuweave.config.simulate import SimulateConfig
from nuweave.config.tasks import (
    EventClassificationConfig,
    SegmentationConfig,
    TaskConfig,
    VertexConfig,
    single_tasks,
)
from nuweave.config.train import AugmentConfig, OverfitConfig, TrainConfig

NUM_PLANES = {"sbnd": 3, "cube": 1, "dune_nd": 1, "dune_nd_2d": 3, "nova": 2}
TASKS_OF_NETWORK = {  # what a network can give
    "uresnet": ("segmentation", "vertex", "event_classification"),
    "resnet": ("vertex", "event_classification"),
    "cvn": ("event_classification",),
    "alexnet": ("event_classification",),
}


class ModelConfig(Section):
    """One network and what it is trained for."""

    task: TaskConfig = Field(description="what the network is trained to do")
    network: NetworkConfig = Field(description="its architecture")
    train: TrainConfig = Field(TrainConfig(), description="its training")
    overfit: OverfitConfig = Field(OverfitConfig(), description="the check before the training")
    weights: str | None = Field(
        None,
        description="directory of a finished model (model.safetensors, model.json) to evaluate instead of training",
    )

    def on_ranks(self, ranks: int) -> Self:
        """The same model, trained by another number of ranks.

        Raises:
            ConfigError: they cannot share its batches.
        """
        return self.model_copy(update={"train": self.train.on_ranks(ranks)})

    @model_validator(mode="after")
    def _network_fits(self) -> Self:
        kinds = [task.kind for task in single_tasks(self.task)]
        fitting = [network for network, given in TASKS_OF_NETWORK.items() if set(kinds) <= set(given)]
        if self.network.kind not in fitting:
            raise ValueError(
                f"network.kind={self.network.kind} does not fit task.kind={' + '.join(kinds)}; "
                f"try {' or '.join(fitting)}"
            )
        return self

    @model_validator(mode="after")
    def _network_learns(self) -> Self:
        if isinstance(self.task, VertexConfig) and self.task.detach:
            raise ValueError(
                "task.detach=true needs another task that trains the network behind the head; try detach: false, "
                "or kind: several"
            )
        return self

    @model_validator(mode="after")
    def _values_stay_small(self) -> Self:
        if self.train.precision == "fp16" and isinstance(self.network, BlockConfig) and self.network.norm == "none":
            raise ValueError("train.precision=fp16 overflows with network.norm=none; try bf16, or norm: batch")
        return self

    @model_validator(mode="after")
    def _network_has_boxes(self) -> Self:
        for task in single_tasks(self.task):
            if isinstance(task, VertexConfig) and isinstance(self.network, UResNetConfig | ResNetConfig):
                self.network.anchor_level(task.anchor_stride)
        return self


def demo_models() -> dict[str, ModelConfig]:
    """The two networks that the demo trains."""
    return {
        "cosmic_tagger": ModelConfig(
            task=SegmentationConfig(),
            network=UResNetConfig(),
            train=TrainConfig(max_steps=400, learning_rate=2e-2),
        ),
        "event_id": ModelConfig(
            task=EventClassificationConfig(),
            network=ResNetConfig(),
            train=TrainConfig(max_steps=500, global_batch=32, augment=AugmentConfig(flip=True)),
            overfit=OverfitConfig(num_events=8),
        ),
    }


class Config(Section):
    """One run of the workflow. The defaults are the demo."""

    name: str = Field("demo", pattern=r"^[A-Za-z0-9_.-]+$", description="name of the run")
    results: str = Field("results", description="everything is written below <results>/<name>/")
    seed: int = Field(20261123, ge=0, lt=2**32, description="seed of generator, split, order and weights")
    data_dir: str | None = Field(
        None, description="directory with your own simulation files; without it, events are simulated"
    )
    dataset: DatasetConfig | None = Field(None, description="published files, fetched into data_dir and checked")
    detector: Literal["sbnd", "cube", "dune_nd", "dune_nd_2d", "nova"] = Field(
        "sbnd",
        description="sbnd: three wire planes; cube: a small voxel box; dune_nd: a larger one, dune_nd_2d: three "
        "views of it; nova: two orthogonal views of cells",
    )
    simulate: SimulateConfig = Field(SimulateConfig(), description="the embedded generator")
    convert: ConvertConfig = Field(ConvertConfig(), description="from simulation files to larcv3 shards")
    split: SplitConfig = Field(SplitConfig(), description="train, validation and test parts")
    models: dict[str, ModelConfig] = Field(
        default_factory=demo_models, min_length=1, description="the networks; `name: null` in an overlay drops one"
    )
    evaluate: EvaluateConfig = Field(EvaluateConfig(), description="predictions and metrics")
    report: ReportConfig = Field(ReportConfig(title="nuweave demo"), description="the page")
    cluster: ClusterConfig = Field(ClusterConfig(), description="what a batch system is told")

    @field_validator("models", mode="before")
    @classmethod
    def _drop_null(cls, value: object) -> object:
        if isinstance(value, Mapping):
            return {name: model for name, model in value.items() if model is not None}
        return value

    @field_validator("models")
    @classmethod
    def _usable_names(cls, value: dict[str, ModelConfig]) -> dict[str, ModelConfig]:
        for name in value:
            if not name.replace("_", "").isalnum():
                raise ValueError(f"the name {name!r} becomes a directory: use letters, digits and _ only")
        return value

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        if self.convert.adapter == "larcv3" and self.data_dir is None:
            raise ValueError("convert.adapter=larcv3 reads your own files: set data_dir=DIRECTORY")
        if self.dataset is not None and self.data_dir is None:
            raise ValueError(f"dataset={self.dataset.title!r} needs a place for its files: set data_dir=DIRECTORY")
        planes, noise = NUM_PLANES[self.detector], self.convert.response.noise_adc
        if len(noise) != planes:
            raise ValueError(
                f"convert.response.noise_adc={list(noise)} needs {planes} values for detector={self.detector}; "
                f"try {[1.0] * planes}"
            )
        with_weights = [name for name, model in self.models.items() if model.weights is not None]
        if with_weights and len(with_weights) != len(self.models):
            rest = sorted(set(self.models) - set(with_weights))
            raise ValueError(
                f"models {with_weights} have weights but {rest} would be trained: a run either trains or evaluates; "
                "give weights to all or to none"
            )
        return self

    @property
    def trains(self) -> bool:
        """Whether this run trains its models (else it evaluates finished ones on every event)."""
        return all(model.weights is None for model in self.models.values())

    @property
    def root(self) -> Path:
        """Where the run writes."""
        return Path(self.results) / self.name


def parse(raw: Mapping[str, Any]) -> Config:
    """Check a configuration.

    Args:
        raw: what YAML gave.
    Raises:
        ConfigError: a line for each fault: key, value, rule, remedy.
    """
    try:
        return Config.model_validate(dict(raw))
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(fault) for fault in error.errors())) from None


def load(path: Path) -> Config:
    """Read and check a YAML configuration.

    Raises:
        ConfigError: the file is missing, is not YAML, or breaks a rule.
    """
    try:
        raw = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give an existing file") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML ({' '.join(str(error).split())}); mend the syntax") from None
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{path}: must hold keys and values, found {type(raw).__name__}; start from config.yaml")
    return parse(raw)


def dump(config: Config) -> str:
    """The configuration as YAML, without comments."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _explain(fault: Any) -> str:
    """One readable line for one pydantic fault."""
    path, section = _locate(fault["loc"])
    key = ".".join(path) or "configuration"
    if fault["type"] == "extra_forbidden":
        known = f"; known here: {', '.join(section.model_fields)}" if section else ""
        return f"config: {key}: unknown key{known}; remove it or mend the spelling"
    message = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "missing":
        return f"config: {key}: is required; add it"
    value = fault.get("input")
    shown = f"={value!r}" if not isinstance(value, Mapping | Section) else ""
    return f"config: {key}{shown}: {message}; see docs/configuration.md"


def _locate(place: tuple[str | int, ...]) -> tuple[list[str], type[Section] | None]:
    """The keys that lead to a fault, as the user wrote them, and the section that the last of them is looked up in.

    Args:
        place: what pydantic gives; behind a key that holds one of several sections it names the kind of that section.
    """
    path: list[str] = []
    section: type[Section] | None = None
    holds: Any = Config
    for part in map(str, place):
        sections = sections_of(holds)
        if get_origin(holds) is dict:
            path, section, holds = [*path, part], None, get_args(holds)[1]
            continue
        kinds = {one.model_fields["kind"].default: one for one in sections if len(sections) > 1}
        if part in kinds:
            holds = kinds[part]
            continue
        section = sections[0] if len(sections) == 1 else None
        field = section.model_fields.get(part) if section else None
        path, holds = [*path, part], field.annotation if field else None
    return path, section
