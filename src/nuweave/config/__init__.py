"""Typed settings: one pydantic section a room. Imports nothing of ours; everything else may import it."""

from nuweave.config.base import ConfigError, Section, UserError
from nuweave.config.settings import Config, ModelConfig, dump, load, parse

__all__ = ["Config", "ConfigError", "ModelConfig", "Section", "UserError", "dump", "load", "parse"]
