"""`nuweave doctor`: whether all that a site needs is here, and what to mend."""

from nuweave.sites.doctor.check import Check
from nuweave.sites.doctor.examine import Patient, examine, find_site

__all__ = ["Check", "Patient", "examine", "find_site"]
