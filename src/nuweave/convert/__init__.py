"""From a simulation's file to a larcv3 shard: adapters, detector response, imaging, labels, down-sampling."""

from nuweave.convert.shard import convert_file
from nuweave.convert.sources import ADAPTERS

__all__ = ["ADAPTERS", "convert_file"]
