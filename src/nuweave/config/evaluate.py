"""Settings of evaluation and report."""

from __future__ import annotations

from pydantic import Field

from nuweave.config.base import Section


class EvaluateConfig(Section):
    """Predictions and metrics of finished models."""

    batch: int = Field(4, ge=1, description="events a batch")
    num_displays: int = Field(2, ge=0, description="event displays of each kind: best, worst, random")
    num_bootstrap: int = Field(200, ge=0, description="bootstrap samples over events behind each error")


class ReportConfig(Section):
    """The HTML report."""

    title: str = Field("nuweave", description="title of the page")
    introduction: str = Field(
        "", description="a paragraph under the title: what the run is for, what stands in for what"
    )
    validation: str | None = Field(
        None, description="file that `nuweave validate --json` wrote: the page then shows simulation against reference"
    )
    reference: str | None = Field(
        None,
        description="larcv3 file to compare the images with: same detector and downsample, e.g. packed/all.h5 of a run "
        "on real events",
    )
