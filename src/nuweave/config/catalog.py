"""Settings of the train/val/test split."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from nuweave.config.base import Section

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")


class SplitConfig(Section):
    """A stratified, grouped, balanced split. All events of a group (source file, generator seed) go to one part."""

    train: float = Field(0.7, ge=0, le=1, description="share of events for training")
    val: float = Field(0.1, ge=0, le=1, description="share of events for validation")
    test: float = Field(0.2, ge=0, le=1, description="share of events for the test")
    stratify_by: Literal["neutrino", "none"] = Field("neutrino", description="truth class that every part holds alike")
    balance: Literal["none", "undersample"] = Field(
        "undersample", description="balance of the classes: drop events of the larger classes, or leave as it is"
    )
    balance_parts: tuple[Part, ...] = Field(
        ("train", "val"), description="parts that are balanced; the test is left alone"
    )
    min_events_per_class: int = Field(5, ge=1, description="a part with fewer events of a class is refused")

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + val + test = {total:g} must be 1; try train: 0.7, val: 0.1, test: 0.2")
        return self
