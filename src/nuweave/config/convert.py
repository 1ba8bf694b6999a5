"""Settings of the conversion: detector response, labels, truth thresholds, down-sampling."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from nuweave.config.base import Section

Adapter = Literal[
    "edepsim_h5", "edepsim_root", "larcv3", "larcv2_root", "dlp_h5", "jaxtpc", "nexus_h5", "pilarnet", "uboone"
]
NotNegative = Annotated[float, Field(ge=0)]


class ResponseConfig(Section):
    """From deposited energy to the pixel value that the electronics report."""

    quenching: Literal["modbox", "birks", "none"] = Field(
        "modbox",
        description="what dense ionisation loses: modbox, recombination in liquid argon; birks, light of a "
        "scintillator; none, nothing",
    )
    electric_field_kv_cm: float = Field(0.5, gt=0, description="drift field [kV/cm]")
    electron_lifetime_ms: float = Field(10.0, gt=0, description="electron lifetime [ms]")
    longitudinal_diffusion_cm2_s: float = Field(7.2, ge=0, description="diffusion along the drift [cm2/s]")
    transverse_diffusion_cm2_s: float = Field(12.0, ge=0, description="diffusion across the drift [cm2/s]")
    shaping_cm: tuple[NotNegative, ...] = Field(
        (0.24, 0.24, 0.15),
        min_length=1,
        description="smearing of the charge along the drift by the electronics, standard deviation; a value an image, "
        "the last for all that follow [cm]",
    )
    undershoot: tuple[NotNegative, ...] = Field(
        (1.2, 1.2, 0.4),
        min_length=1,
        description="how far the filter of the electronics swings below zero beside a signal, likewise; 0: not at all",
    )
    electrons_per_adc: float = Field(242.0, gt=0, description="charge of one unit of pixel value [electrons/ADC]")
    noise_adc: tuple[float, ...] = Field((1.55, 2.1, 1.4), description="noise of a pixel, one value a wire plane [ADC]")
    threshold_adc: float = Field(5.0, gt=0, description="zero suppression: smaller pixels are not stored [ADC]")
    label_threshold_mev: float = Field(
        0.04, ge=0, description="least deposited energy for a pixel to be labelled [MeV]"
    )


class TruthConfig(Section):
    """Which particles count, and what becomes of the neutrinos that the classes do not name."""

    proton_min_mev: float = Field(
        50.0,
        ge=0,
        description="protons count above this kinetic energy; at 50 they go 2.3 cm, SparseEventID has 20 [MeV]",
    )
    charged_pion_min_mev: float = Field(10.0, ge=0, description="charged pions count above this kinetic energy [MeV]")
    neutral_pion_min_mev: float = Field(0.0, ge=0, description="neutral pions count above this kinetic energy [MeV]")
    nutau: Literal["numu", "unlabelled"] = Field(
        "unlabelled", description="nutau CC: counted as numu (as SparseEventID does), or left without a class"
    )
    antineutrinos: Literal["merge", "unlabelled"] = Field(
        "merge", description="antineutrinos: counted as their neutrinos, or left without a class"
    )


class ConvertConfig(Section):
    """From a simulation's files to larcv3 shards."""

    adapter: Adapter = Field("edepsim_h5", description="format of the input files")
    pattern: str = Field("*.h5", description="which files of data_dir to take")
    volume: str | None = Field(
        None, description="sensitive detector or drift volume to read, where a file has several; nuweave inspect lists"
    )
    axes: str = Field(
        "xyz", description="axes of the file that run along the drift, up and along the beam; zyx if it drifts along z"
    )
    shift_cm: tuple[float, float, float] = Field(
        (0.0, 0.0, 0.0), description="added to places, after axes: from the file's origin to the detector's [cm]"
    )
    response: ResponseConfig = Field(
        ResponseConfig(), description="detector response; not used on inputs that hold images"
    )
    truth: TruthConfig = Field(TruthConfig(), description="truth classes")
    downsample: int = Field(4, ge=1, le=64, description="pixels merged along each axis, a power of two")
    pooling: Literal["sum", "mean"] = Field(
        "sum", description="value of merged pixels; labels: neutrino over cosmic over background"
    )
    min_sites: int = Field(50, ge=0, description="events with fewer stored pixels than this are dropped, and counted")

    @field_validator("axes")
    @classmethod
    def _three_axes(cls, value: str) -> str:
        if sorted(value) != ["x", "y", "z"]:
            raise ValueError("must name each of x, y and z once; try xyz")
        return value

    @field_validator("downsample")
    @classmethod
    def _power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError(f"must be a power of two; try {1 << (value.bit_length() - 1)}")
        return value
