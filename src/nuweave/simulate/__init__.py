"""The embedded event generator: neutrinos and cosmic muons in liquid argon, written as a user's own edep-sim files."""

from nuweave.simulate.generate import Neutrino, simulate_event, simulate_file

__all__ = ["Neutrino", "simulate_event", "simulate_file"]
