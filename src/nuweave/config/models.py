"""Settings of the networks."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from nuweave.config.base import ConfigError, Section


class BlockConfig(Section):
    """What networks of levels share: the kind of their layers, and the blocks that they are made of."""

    layout: Literal["sparse", "dense"] = Field(
        "sparse", description="layers on active sites, or on whole images; weights fit both"
    )
    num_filters: int = Field(8, ge=1, description="channels of the first level")
    growth: Literal["additive", "multiplicative"] = Field(
        "additive", description="level i has (i + 1) times the channels of the first, or 2^i times"
    )
    block: Literal["plain", "residual", "preactivation", "convnext"] = Field(
        "preactivation",
        description="plain: one convolution; residual: two and a shortcut; preactivation: as residual, norm and "
        "activation before every convolution, so that nothing changes the shortcut; convnext: depthwise, then two "
        "layers a site",
    )
    norm: Literal["none", "batch", "sync_batch", "group", "layer", "instance"] = Field(
        "batch", description="normalisation: batch of each rank by itself, sync_batch over all ranks; group: 4 groups"
    )
    bias: bool = Field(False, description="whether convolutions have a bias")

    @model_validator(mode="after")
    def _shortcuts_stay(self) -> Self:
        if self.block == "preactivation" and self.norm == "none":
            raise ValueError("block=preactivation needs a norm before each activation; try norm: batch")
        return self

    def width(self, level: int) -> int:
        """Channels of a level."""
        return self.num_filters * (level + 1 if self.growth == "additive" else 2**level)


class UResNetConfig(BlockConfig):
    """U-shaped residual network that labels sites; planes share weights and mix in the deepest block (2012.01301)."""

    kind: Literal["uresnet"] = "uresnet"
    depth: int = Field(4, ge=1, le=8, description="number of down-samplings by two")
    dense_levels: int = Field(
        1, ge=0, description="of the sparse layout: deepest levels that run on whole images, where few sites are empty"
    )
    blocks_per_level: int = Field(1, ge=1, description="blocks on the way down, and again on the way up")
    blocks_deepest: int = Field(2, ge=0, description="blocks of the deepest level")
    blocks_final: int = Field(0, ge=0, description="blocks after the way up")
    kernel_deepest: int = Field(3, ge=1, description="kernel size of the deepest blocks, odd")
    bottleneck: int = Field(64, ge=1, description="channels of the deepest blocks")
    mix: Literal["channels", "axis", "none"] = Field(
        "channels",
        description="planes meet in the deepest level: side by side as channels, stacked along an axis, or not at all",
    )
    connections: Literal["concat", "sum", "none"] = Field(
        "concat", description="how the way up sees the features of the way down"
    )
    skips: Literal["input", "output"] = Field(
        "output", description="which features of a level those are: before its blocks, as in the paper, or after them"
    )
    down: Literal["max_pooling", "convolution"] = Field("convolution", description="how resolution is halved")
    up: Literal["interpolation", "convolution"] = Field("convolution", description="how resolution is doubled")

    def anchor_level(self, stride: int) -> int:
        """The level whose sites are boxes of `stride` sites along each axis. Raises ConfigError where there is none."""
        return _level_of(stride, range(self.depth + 1))

    @property
    def first_dense(self) -> int:
        """The first level that runs on whole images; depth + 1 where none does."""
        return 0 if self.layout == "dense" else self.depth + 1 - self.dense_levels

    def require_fit(self, shape: tuple[int, ...]) -> None:
        """Refuse images that cannot be halved on the dense levels; sparse ones round up.

        Raises:
            ConfigError: a length does not divide.
        """
        first = min(self.first_dense, self.depth)
        refuse_odd("depth", self.depth, tuple(-(-length // 2**first) for length in shape), self.depth - first)

    @model_validator(mode="after")
    def _deepest(self) -> Self:
        if self.kernel_deepest % 2 == 0:
            raise ValueError(f"kernel_deepest={self.kernel_deepest} must be odd; try {self.kernel_deepest + 1}")
        if self.dense_levels > self.depth + 1:
            raise ValueError(f"dense_levels={self.dense_levels} of {self.depth + 1} levels; try layout: dense")
        return self


class ResNetConfig(BlockConfig):
    """Encoder for whole events: planes share weights and are joined after pooling (1912.10133)."""

    kind: Literal["resnet"] = "resnet"
    num_filters: int = Field(16, ge=1, description="channels of the first level")
    blocks: tuple[int, ...] = Field((1, 1, 1, 1, 1), min_length=1, description="blocks of each level")
    pool: Literal["mean", "mean_and_max", "mean_of_all"] = Field(
        "mean_and_max",
        description="what is kept of each image: mean over active sites; also the largest, and the number of sites "
        "and their sum; or the mean over all sites, empty ones too",
    )
    planes: Literal["join", "mean"] = Field("join", description="features of the planes: side by side, or their mean")
    num_features: int = Field(64, ge=0, description="channels that the last level is brought to; 0: as it is")
    num_hidden: int = Field(64, ge=0, description="features between the two layers of a head; 0: one layer")
    dropout: float = Field(0.2, ge=0, lt=1, description="dropout in each head")

    def anchor_level(self, stride: int) -> int:
        """The last level, if its sites are boxes of `stride` sites along each axis; else raises ConfigError."""
        return _level_of(stride, range(len(self.blocks) - 1, len(self.blocks)))

    def require_fit(self, shape: tuple[int, ...]) -> None:
        """Refuse images that cannot be halved on whole images; sparse ones round up.

        Raises:
            ConfigError: a length does not divide.
        """
        if self.layout == "dense":
            refuse_odd("blocks", list(self.blocks), shape, len(self.blocks) - 1)


class CVNConfig(Section):
    """A tower of inception modules a view, joined before the last module, for whole events (1604.01444); dense, 2D."""

    kind: Literal["cvn"] = "cvn"
    num_filters: int = Field(20, ge=4, multiple_of=4, description="channels of the first layer, a multiple of 4")
    shared_towers: bool = Field(False, description="one tower for all views; else each has its own, as in the paper")
    norm: Literal["batch", "local_response"] = Field(
        "batch", description="after every convolution a batch norm, or the two local response norms of GoogLeNet"
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="dropout before each head")

    def require_fit(self, shape: tuple[int, ...]) -> None:
        """Refuse images of three axes, and those of which the last pool of a tower would not see a whole window.

        Raises:
            ConfigError: the shape does not fit.
        """
        if len(shape) != 2:
            raise ConfigError(
                f"network.kind=cvn: images of {_written(shape)} sites must have 2 axes; take network.kind: resnet"
            )
        refuse_small("cvn", shape, smallest=23)


class AlexNetConfig(Section):
    """Five convolutions on whole images, planes as their channels, for whole events (Krizhevsky et al. 2012); dense."""

    kind: Literal["alexnet"] = "alexnet"
    num_filters: int = Field(16, ge=1, description="channels of the first layer; the others have 3 to 16 times as many")
    head: Literal["fully_connected", "global_average"] = Field(
        "fully_connected", description="two fully connected layers, or two 1x1 convolutions and a mean (1312.4400)"
    )
    dropout: float = Field(0.5, ge=0, lt=1, description="dropout between fully connected layers and before each head")

    def require_fit(self, shape: tuple[int, ...]) -> None:
        """Refuse images of which the last pool would leave nothing.

        Raises:
            ConfigError: the shape does not fit.
        """
        refuse_small("alexnet", shape, smallest=57)


NetworkConfig = Annotated[UResNetConfig | ResNetConfig | CVNConfig | AlexNetConfig, Field(discriminator="kind")]


def _level_of(stride: int, levels: range) -> int:
    """The level of that stride; level i has 2^i sites along each axis of a site."""
    for level in levels:
        if 2**level == stride:
            return level
    strides = ", ".join(str(2**level) for level in levels)
    raise ConfigError(
        f"task.anchor_stride={stride}: the network has boxes at strides {strides}; take one of these, or another depth"
    )


def refuse_odd(key: str, value: object, shape: tuple[int, ...], num_halvings: int) -> None:
    """Refuse a shape that cannot be halved so often.

    Raises:
        ConfigError: a length does not divide.
    """
    divisor = 2**num_halvings
    if any(length % divisor for length in shape):
        most = min((length & -length).bit_length() - 1 for length in shape)
        raise ConfigError(
            f"network.{key}={value}: halves whole images of {_written(shape)} sites {num_halvings} times, "
            f"so each length must divide by {divisor}; try {most} halvings, or layout: sparse"
        )


def refuse_small(kind: str, shape: tuple[int, ...], *, smallest: int) -> None:
    """Refuse a shape with fewer sites along an axis.

    Raises:
        ConfigError: an axis is too short.
    """
    if min(shape) < smallest:
        raise ConfigError(
            f"network.kind={kind}: images of {_written(shape)} sites must have at least {smallest} along each axis; "
            "lower convert.downsample or take network.kind: resnet"
        )


def _written(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
