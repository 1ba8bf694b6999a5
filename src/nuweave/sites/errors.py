"""The error of this room."""

from __future__ import annotations

from nuweave.config import UserError


class SiteError(UserError):
    """A job or a machine that does not fit the site; the message says what, where, which rule, and what to do."""
