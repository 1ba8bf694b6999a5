"""What fills a detector: all that transport and interactions need to know of a material; units stand in the names.

Sources:
    PDG: Review of Particle Physics, "Passage of particles through matter" and its atomic and nuclear properties tables.
    Sternheimer: Sternheimer, Berger, Seltzer, At. Data Nucl. Data Tables 30 (1984) 261.
    Suzuki: Suzuki, Measday, Roalsvig, Phys. Rev. C 35 (1987) 2212, lifetimes of bound mu-.
    Moniz: Moniz et al., Phys. Rev. Lett. 26 (1971) 445, Fermi gas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class DensityEffect(NamedTuple):
    """Sternheimer's parameters of the density effect on the energy loss; delta = 0 below x0 (no conductor)."""

    a: float
    m: float
    x0: float
    x1: float
    c: float


class Nucleus(NamedTuple):
    """What neutrinos meet.

    Attributes:
        pdg: code of the nucleus.
        num_protons, num_nucleons: what it is made of.
        mass_mev: of the nucleus [MeV].
        fermi_momentum_mev: at its centre [MeV/c].
        binding_mev: taken from the energy of a struck nucleon [MeV].
    """

    pdg: int
    num_protons: int
    num_nucleons: int
    mass_mev: float
    fermi_momentum_mev: float
    binding_mev: float


class NeutronPath(NamedTuple):
    """How neutrons go: cross sections are constants over wide ranges of energy, and round.

    Attributes:
        elastic_cm: mean path between elastic collisions above 0.2 MeV; slower neutrons go twice as far [cm].
        inelastic_cm: mean path between inelastic ones, above `first_level_mev` [cm].
        partner_nucleons: mass number of the nucleus that they bounce off.
        first_level_mev: least excitation of the nucleus [MeV].
        capture_mev: photon energy that a capture sets free [MeV].
    """

    elastic_cm: float
    inelastic_cm: float
    partner_nucleons: int
    first_level_mev: float
    capture_mev: float


@dataclass(frozen=True)
class Medium:
    """A material.

    Attributes:
        name: what it is.
        density_g_cm3: density.
        z_over_a_mol_g: electrons a mass.
        excitation_energy_mev: mean excitation energy I.
        density_effect: on the energy loss.
        radiation_length_cm, moliere_radius_cm: of showers; the second follows from the rest, and is checked.
        nuclear_length_cm, pion_length_cm: mean path to an inelastic interaction, of nucleons and of fast pions.
        photoelectric_cm2_g: cross section at 0.1 MeV; it falls as E^-3.
        muon_minus_lifetime_us: of stopped mu-, which nuclei capture.
        neutron: paths of neutrons.
        nucleus: what neutrinos meet.
    """

    name: str
    density_g_cm3: float
    z_over_a_mol_g: float
    excitation_energy_mev: float
    density_effect: DensityEffect
    radiation_length_cm: float
    moliere_radius_cm: float
    nuclear_length_cm: float
    pion_length_cm: float
    photoelectric_cm2_g: float
    muon_minus_lifetime_us: float
    neutron: NeutronPath
    nucleus: Nucleus


LIQUID_ARGON = Medium(
    name="liquid argon",
    density_g_cm3=1.396,  # PDG, at its boiling point of 87.3 K
    z_over_a_mol_g=0.45059,  # PDG
    excitation_energy_mev=188.0e-6,  # PDG
    density_effect=DensityEffect(a=0.19559, m=3.0, x0=0.2, x1=3.0, c=5.2146),  # Sternheimer
    radiation_length_cm=19.55 / 1.396,  # PDG: 14.0 cm
    moliere_radius_cm=9.04,  # PDG
    nuclear_length_cm=85.8,  # PDG
    pion_length_cm=106.7,  # PDG
    photoelectric_cm2_g=0.07,  # XCOM
    muon_minus_lifetime_us=0.59,  # Suzuki, interpolated
    # ours, after ENDF/B: about 2.4 b elastic and 1.0 b inelastic at 2-20 MeV; first level and capture energy of 40Ar
    neutron=NeutronPath(elastic_cm=20.0, inelastic_cm=48.0, partner_nucleons=40, first_level_mev=1.46, capture_mev=6.1),
    # Moniz for calcium; 29.5 MeV is GENIE's for argon
    nucleus=Nucleus(1000180400, 18, 40, mass_mev=37215.52, fermi_momentum_mev=251.0, binding_mev=29.5),
)

# The oil of a scintillator, CH2 with the numbers of polyethylene scaled to its density, and the radiation length that
# NOvA states for oil and cells together. Neutrinos meet its carbon; free protons as targets are left out.
MINERAL_OIL = Medium(
    name="mineral oil",
    density_g_cm3=0.86,  # NOvA technical design report, the scintillator
    z_over_a_mol_g=0.57034,  # PDG, polyethylene
    excitation_energy_mev=57.4e-6,  # PDG, polyethylene
    density_effect=DensityEffect(a=0.12108, m=3.4292, x0=0.1370, x1=2.5177, c=3.0016),  # Sternheimer, polyethylene
    radiation_length_cm=38.0,  # NOvA technical design report
    moliere_radius_cm=11.0,  # the same
    nuclear_length_cm=78.5 / 0.86,  # PDG, polyethylene
    pion_length_cm=108.6 / 0.86,  # PDG, polyethylene
    photoelectric_cm2_g=0.0005,  # about XCOM's for carbon: of no weight beside Compton scattering
    muon_minus_lifetime_us=2.026,  # Suzuki, carbon
    # ours, after ENDF/B: mostly protons, 2 b each at some MeV; first level of 12C; capture by hydrogen
    neutron=NeutronPath(elastic_cm=5.0, inelastic_cm=60.0, partner_nucleons=1, first_level_mev=4.44, capture_mev=2.22),
    # Moniz; the nuclear mass of 12C
    nucleus=Nucleus(1000060120, 6, 12, mass_mev=11174.86, fermi_momentum_mev=221.0, binding_mev=25.0),
)
