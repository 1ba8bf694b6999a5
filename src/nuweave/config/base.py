"""What every section of the configuration shares: unknown keys are refused, values do not change after reading."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the configuration. Field descriptions become the comments of config.yaml and the docs table."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UserError(ValueError):
    """A mistake that the user can mend: the command line prints its message, one line, in place of a traceback."""

    exit_status: ClassVar[int] = 1


class ConfigError(UserError):
    """A configuration that breaks a rule; the message names key, value, rule and remedy, one fault a line."""


def sections_of(annotation: Any) -> list[type[Section]]:
    """The sections that a field may hold, by itself or under names, in order."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return sections_of(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [section for part in get_args(annotation) for section in sections_of(part)]
    if origin is dict:
        return sections_of(get_args(annotation)[1])
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, Section) else []
