"""What every section of the configuration shares: unknown keys are refused, values do not change after reading."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the configuration. Field descriptions become the comments of config.yaml and the docs table."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UserError(ValueError):
    """A mistake that the user can mend: the command line prints its message, one line, in place of a traceback."""


class ConfigError(UserError):
    """A configuration that breaks a rule; the message names key, value, rule and remedy, one fault a line."""
