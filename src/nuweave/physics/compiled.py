"""Loops as machine code: compiled on first use, kept, and compiled anew when a source that they are made of changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiler(*sources: str | Path) -> Callable[[Function], Function]:
    """A decorator for functions that become machine code, run without Python's lock; their Python type is kept.

    Args:
        sources: files of the functions, of those that they call, and of the constants that they name: numba itself
            looks at the file of a function only, and would keep code with old callees and constants inside.
    """
    folder = cache_folder(*sources)

    def compiled(function: Function) -> Function:
        set_by_user = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = folder
        try:
            return cast(Function, numba.njit(nogil=True, cache=True)(function))
        finally:
            numba.config.CACHE_DIR = set_by_user

    return compiled


def cache_folder(*sources: str | Path) -> str:
    """Where machine code of these sources is kept: a folder for each state of them, beside the first."""
    paths = [Path(source) for source in sources]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]
    base = Path(numba.config.CACHE_DIR) if numba.config.CACHE_DIR else paths[0].parent / "__pycache__"
    return str(base / f"nuweave-{digest}")
