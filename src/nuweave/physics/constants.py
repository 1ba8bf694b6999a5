"""Particles, nature, and what becomes of charge in liquid argon; units stand in the names. Media are in medium.py.

Sources:
    PDG: Review of Particle Physics, "Passage of particles through matter" and the particle listings.
    ModBox: ArgoNeuT, JINST 8 (2013) P08005 (1306.1712).
    Walkowiak: NIM A 449 (2000) 288, drift velocity; parameters of the global fit of Li et al., NIM A 816 (2016) 160.
"""

from __future__ import annotations

TEMPERATURE_K = 87.3  # PDG, boiling point of argon at 1 atm

# charge
IONISATION_WORK_EV = 23.6  # Miyajima et al., Phys. Rev. A 9 (1974) 1438: energy an electron-ion pair
SCINTILLATION_WORK_EV = 19.5  # Doke et al., Jpn. J. Appl. Phys. 41 (2002) 1538: energy a photon
MODBOX_ALPHA = 0.93  # ModBox
MODBOX_BETA_KV_G_CM3_MEV = 0.212  # ModBox, (kV/cm)(g/cm2)/MeV
BIRKS_G_CM2_MEV = 0.0126  # kB of organic scintillators, 0.126 mm/MeV at 1 g/cm3 (Craun, Smith, NIM 80 (1970) 239)
ELECTRIC_FIELD_KV_CM = 0.5  # nominal field of SBND and its kin

# drift velocity: mobility as a function of field, at the reference temperature (Walkowiak, Li)
MOBILITY_A = (551.6, 7158.3, 4440.43, 4.29, 43.63, 0.2053)
MOBILITY_REFERENCE_K = 89.0

# particles (PDG), kinetic quantities in MeV and us
ELECTRON_MASS_MEV = 0.51099895
MUON_MASS_MEV = 105.6583755
CHARGED_PION_MASS_MEV = 139.57039
NEUTRAL_PION_MASS_MEV = 134.9768
PROTON_MASS_MEV = 938.27208816
NEUTRON_MASS_MEV = 939.5654205
DELTA_MASS_MEV = 1232.0
DELTA_WIDTH_MEV = 117.0
MUON_LIFETIME_US = 2.1969811
CHARGED_PION_LIFETIME_US = 0.026033

# nature
AVOGADRO_MOL = 6.02214076e23
SPEED_OF_LIGHT_CM_US = 29979.2458
BETHE_K_MEV_CM2_MOL = 0.307075  # PDG, 4 pi N_A r_e^2 m_e c^2
HIGHLAND_MEV = 13.6  # PDG, multiple scattering

MASS_MEV = {
    11: ELECTRON_MASS_MEV,
    13: MUON_MASS_MEV,
    22: 0.0,
    111: NEUTRAL_PION_MASS_MEV,
    211: CHARGED_PION_MASS_MEV,
    2112: NEUTRON_MASS_MEV,
    2212: PROTON_MASS_MEV,
    12: 0.0,
    14: 0.0,
    16: 0.0,
}  # by the absolute value of the PDG code
