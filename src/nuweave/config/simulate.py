"""Settings of the embedded event generator."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from nuweave.config.base import Section

MAX_MEAN_COSMICS = 500


class FlavourWeights(Section):
    """Relative numbers of generated interactions; even by default, because a training set should be balanced."""

    nue_cc: float = Field(1.0, ge=0, description="weight of nue charged current")
    numu_cc: float = Field(1.0, ge=0, description="weight of numu charged current")
    nc: float = Field(1.0, ge=0, description="weight of neutral current (half nue, half numu)")

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if self.nue_cc + self.numu_cc + self.nc == 0:
            raise ValueError("nue_cc, numu_cc and nc are all 0: at least one must be positive; try 1.0 for each")
        return self


class ModeWeights(Section):
    """Relative numbers of interaction modes; rich in pions by default, so that every particle count is learnt."""

    qes: float = Field(0.20, ge=0, description="weight of quasi-elastic scattering")
    mec: float = Field(0.08, ge=0, description="weight of scattering off a pair of nucleons")
    res: float = Field(0.40, ge=0, description="weight of resonance production")
    dis: float = Field(0.31, ge=0, description="weight of deep inelastic scattering")
    coh: float = Field(0.01, ge=0, description="weight of coherent pion production")

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if self.qes + self.mec + self.res + self.dis + self.coh == 0:
            raise ValueError("qes, mec, res, dis and coh are all 0: at least one must be positive; try 1.0 for each")
        return self


class SoftCosmics(Section):
    """Mean numbers of other cosmic particles through the box in the window; none by default."""

    photons: float = Field(0.0, ge=0, description="photons of 10 MeV to 10 GeV an event")
    electrons: float = Field(0.0, ge=0, description="electrons and positrons of 10 MeV to 10 GeV an event")
    neutrons: float = Field(0.0, ge=0, description="neutrons of 10 MeV to 1 GeV an event")
    protons: float = Field(0.0, ge=0, description="protons of 50 MeV to 2 GeV an event")

    @property
    def total(self) -> float:
        """Mean number of all."""
        return self.photons + self.electrons + self.neutrons + self.protons


class SimulateConfig(Section):
    """The embedded generator: neutrino interactions and cosmic particles, written as edep-sim HDF5."""

    num_files: int = Field(16, ge=1, le=999, description="files to generate; a file is the unit of splitting")
    events_per_file: int = Field(100, ge=1, description="events in each file")
    beam: Literal["bnb", "lbnf"] = Field(
        "bnb", description="spectrum: bnb peaks at 0.65 GeV and ends at 3, lbnf peaks at 2.5 and ends at 8"
    )
    flavours: FlavourWeights | Literal["flux"] = Field(
        FlavourWeights(), description="mix of interactions: weights, or flux for the shares that the beam has"
    )
    modes: ModeWeights | Literal["beam"] = Field(
        ModeWeights(), description="mix of interaction modes: weights, or beam for the shares that the beam has"
    )
    antineutrino_fraction: float = Field(
        0.1, ge=0, le=1, description="share of antineutrinos among the neutrinos, where flavours are weights"
    )
    neutrino_fraction: float = Field(
        1.0, ge=0, le=1, description="share of events with a neutrino; the rest is cosmic only"
    )
    cosmic_rate_khz: float = Field(4.2, ge=0, description="cosmic muons through the detector box [kHz]")
    cosmic_window_us: float = Field(2560.0, gt=0, description="time in which cosmics arrive, centred on the drift [us]")
    soft_cosmics: SoftCosmics = Field(SoftCosmics(), description="cosmic particles beside the muons")
    step_cm: float = Field(0.3, gt=0.02, le=2, description="longest step of a tracked particle [cm]")
    electron_cutoff_mev: float = Field(
        1.0, gt=0.1, description="kinetic energy below which a particle is absorbed [MeV]"
    )

    @model_validator(mode="after")
    def _events_can_be_made(self) -> Self:
        mean = self.cosmic_rate_khz * self.cosmic_window_us * 1e-3
        if mean + self.soft_cosmics.total > MAX_MEAN_COSMICS:
            raise ValueError(
                f"cosmic_rate_khz={self.cosmic_rate_khz:g} in cosmic_window_us={self.cosmic_window_us:g} is {mean:g} "
                f"muons an event, soft_cosmics {self.soft_cosmics.total:g} more, at most {MAX_MEAN_COSMICS} can be "
                "numbered; try smaller rates or window"
            )
        if mean == 0 and self.neutrino_fraction < 1:
            raise ValueError(
                f"neutrino_fraction={self.neutrino_fraction:g} asks for events of cosmics only, but cosmic_rate_khz is "
                "0; try neutrino_fraction: 1 or a rate above 0"
            )
        return self
