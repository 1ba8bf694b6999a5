"""The embedded event generator: neutrinos and cosmic muons in liquid argon, written as a user's own edep-sim files."""

from nuweave.simulate.generate import simulate_event, simulate_file

__all__ = ["simulate_event", "simulate_file"]
