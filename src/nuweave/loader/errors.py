"""What stops the loader with one line for the user."""

from __future__ import annotations

from nuweave.config import UserError


class LoaderError(UserError):
    """Settings or a saved state that do not fit the events; the message says what, where, the rule and the remedy."""
