"""Batch systems and their machines: what a job asks for, what a site refuses, how ranks are started there."""

from nuweave.sites.activation import activation
from nuweave.sites.errors import SiteError
from nuweave.sites.launch import find_program, launch_line
from nuweave.sites.limits import require_batch, require_fit
from nuweave.sites.machine import is_here, require_here
from nuweave.sites.orphans import cancel, require_none
from nuweave.sites.request import Request, Step, from_resources, plan, to_resources
from nuweave.sites.slurm import require_accepted
from nuweave.sites.words import in_words

__all__ = [
    "Request",
    "SiteError",
    "Step",
    "activation",
    "cancel",
    "find_program",
    "from_resources",
    "in_words",
    "is_here",
    "launch_line",
    "plan",
    "require_accepted",
    "require_batch",
    "require_fit",
    "require_here",
    "require_none",
    "to_resources",
]
