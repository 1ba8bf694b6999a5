"""Settings of the networks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nuweave.config.base import Section


class UResNetConfig(Section):
    """U-shaped residual network that labels sites; planes share weights and mix in the deepest block (2012.01301)."""

    kind: Literal["uresnet"] = "uresnet"
    num_filters: int = Field(8, ge=1, description="channels of the first level; level i has (i + 1) times as many")
    depth: int = Field(4, ge=1, le=8, description="number of down-samplings by two")
    blocks_per_level: int = Field(1, ge=1, description="residual blocks on the way down, and again on the way up")
    blocks_deepest: int = Field(2, ge=0, description="dense residual blocks in the deepest level, where planes mix")
    bottleneck: int = Field(64, ge=1, description="channels of the deepest blocks")


class ResNetConfig(Section):
    """Residual encoder for whole events: planes share weights and are joined after pooling (1912.10133)."""

    kind: Literal["resnet"] = "resnet"
    num_filters: int = Field(16, ge=1, description="channels of the first level; level i has (i + 1) times as many")
    depth: int = Field(4, ge=1, le=8, description="number of down-samplings by two")
    blocks_per_level: int = Field(1, ge=1, description="residual blocks a level")
    num_features: int = Field(64, ge=1, description="features an event that the heads see")
    dropout: float = Field(0.2, ge=0, lt=1, description="dropout before each head")


NetworkConfig = Annotated[UResNetConfig | ResNetConfig, Field(discriminator="kind")]
