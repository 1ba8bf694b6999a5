"""The house stands as designed: a room imports only rooms above it, and the light commands stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "nuweave"
ROOMS = (
    "config",
    "physics",
    "store",
    "ranks",
    "sites",
    "crosscheck",
    "simulate",
    "convert",
    "catalog",
    "validate",
    "loader",
    "sparse",
    "models",
    "tasks",
    "train",
    "evaluate",
    "report",
    "bench",
    "cli",
)
FORBIDDEN = {
    ("models", "loader"),
    ("evaluate", "train"),
    ("report", "train"),
    ("report", "evaluate"),
}
WITHOUT_TORCH = (
    "config",
    "physics",
    "store",
    "sites",
    "crosscheck",
    "simulate",
    "convert",
    "catalog",
    "validate",
    "report",
)


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            yield f"{node.module}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_of(room: str) -> list[Path]:
    found = sorted((PACKAGE / room).rglob("*.py")) or [PACKAGE / f"{room}.py"]
    assert all(file.exists() for file in found), f"room {room} has no files"
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_above_it(room: str) -> None:
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    for file in files_of(room):
        for module in imports(file):
            if module.startswith("nuweave.") and module != "nuweave.__version__":
                other = module.split(".")[1]
                assert other in allowed, f"{file} imports {module}, a room below"
                assert (room, other) not in FORBIDDEN, f"{file} imports {module}, which its room must not know"


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_a_room_above_the_loader_never_imports_torch(room: str) -> None:
    for file in files_of(room):
        assert not any(module.split(".")[0] in ("torch", "deepspeed") for module in imports(file)), file


def test_larcv_is_imported_by_one_program_only_and_nothing_imports_that() -> None:
    program = PACKAGE / "crosscheck/program.py"
    for file in PACKAGE.rglob("*.py"):
        modules = set(imports(file))
        assert any(module.split(".")[0] == "larcv" for module in modules) == (file == program), file
        assert "nuweave.crosscheck.program" not in modules, file
    assert not any(module.split(".")[0] == "nuweave" for module in imports(program))


def test_every_room_of_the_package_is_in_the_order() -> None:
    found = {path.stem for path in PACKAGE.iterdir() if not path.name.startswith("_") and path.name != "py.typed"}
    assert found == set(ROOMS)


def test_help_imports_no_torch() -> None:
    code = "import sys, nuweave.cli; sys.exit(not {'torch', 'matplotlib', 'numba', 'h5py'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
