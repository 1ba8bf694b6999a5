"""Settings of the embedded event generator."""

from __future__ import annotations

from typing import Self

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
    """Relative numbers of interaction modes.

    The default is rich in pions, so that every particle count is learnt; the Booster beam has about 0.52, 0.13,
    0.28, 0.06 and 0.01.
    """

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


class SimulateConfig(Section):
    """The embedded generator: neutrino interactions and cosmic muons, written as edep-sim HDF5."""

    num_files: int = Field(16, ge=1, le=999, description="files to generate; a file is the unit of splitting")
    events_per_file: int = Field(100, ge=1, description="events in each file")
    flavours: FlavourWeights = Field(FlavourWeights(), description="mix of interactions")
    modes: ModeWeights = Field(ModeWeights(), description="mix of interaction modes")
    antineutrino_fraction: float = Field(0.1, ge=0, le=1, description="share of antineutrinos among the neutrinos")
    neutrino_fraction: float = Field(
        1.0, ge=0, le=1, description="share of events with a neutrino; the rest is cosmic only"
    )
    mean_energy_gev: float = Field(
        1.2,
        gt=0.2,
        le=5,
        description="mean energy of the beam, a gamma shape; thresholds of the modes select from it [GeV]",
    )
    cosmic_rate_khz: float = Field(4.2, ge=0, description="cosmic muons through the detector box [kHz]")
    cosmic_window_us: float = Field(2560.0, gt=0, description="time in which cosmics arrive, centred on the drift [us]")
    step_cm: float = Field(0.3, gt=0.02, le=2, description="longest step of a tracked particle [cm]")
    electron_cutoff_mev: float = Field(
        1.0, gt=0.1, description="kinetic energy below which a particle is absorbed [MeV]"
    )

    @model_validator(mode="after")
    def _events_can_be_made(self) -> Self:
        mean = self.cosmic_rate_khz * self.cosmic_window_us * 1e-3
        if mean > MAX_MEAN_COSMICS:
            raise ValueError(
                f"cosmic_rate_khz={self.cosmic_rate_khz:g} in cosmic_window_us={self.cosmic_window_us:g} is {mean:g} "
                f"muons an event, at most {MAX_MEAN_COSMICS} can be numbered; try a smaller rate or window"
            )
        if mean == 0 and self.neutrino_fraction < 1:
            raise ValueError(
                f"neutrino_fraction={self.neutrino_fraction:g} asks for events of cosmics only, but cosmic_rate_khz is "
                "0; try neutrino_fraction: 1 or a rate above 0"
            )
        return self
