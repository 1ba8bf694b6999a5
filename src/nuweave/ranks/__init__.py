"""The processes that a launcher started side by side: which of them this is, and how they exchange; no torch."""

from nuweave.ranks.place import LAUNCHERS, Place, find_place
from nuweave.ranks.world import ALONE, RanksError, World, all_ranks, start_mpi

__all__ = ["ALONE", "LAUNCHERS", "Place", "RanksError", "World", "all_ranks", "find_place", "start_mpi"]
