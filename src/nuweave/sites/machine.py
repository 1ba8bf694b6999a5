"""Which site this machine belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nuweave.config.site import SiteConfig
from nuweave.sites.errors import SiteError

SITE = "NUWEAVE_SITE"  # says it where the name of a machine does not


def is_here(site: SiteConfig, host: str, environment: Mapping[str, str]) -> bool:
    """Whether a machine with this name belongs to the site."""
    if SITE in environment:
        return environment[SITE] == site.name
    return any(re.fullmatch(pattern, host) for pattern in site.hosts)


def require_here(site: SiteConfig, host: str, environment: Mapping[str, str]) -> None:
    """Refuse to submit from elsewhere.

    Raises:
        SiteError: this machine is not one of the site.
    """
    if not is_here(site, host, environment):
        raise SiteError(
            f"profile {site.name}: this machine ({environment.get(SITE, host)}) is not part of it; log in to "
            f"{site.login or site.name}, or use --profile profiles/local (if it is: export {SITE}={site.name})"
        )
