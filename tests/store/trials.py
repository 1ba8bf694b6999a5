"""Damage copies of a file and read them, in a process of its own that may crash.

python -m tests.store.trials FILE VICTIM:DAMAGE:CASES ...
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.store.samples import read_all

Damage = Callable[[bytes, int], bytes]


def flip(content: bytes, case: int) -> bytes:
    """One bit flipped or one byte replaced, every other time where bytes are not zero, as most of a small file is."""
    rng = np.random.default_rng([1, case])
    places = np.flatnonzero(np.frombuffer(content, np.uint8)) if case % 2 else np.arange(len(content))
    damaged = bytearray(content)
    damaged[int(rng.choice(places))] ^= 1 << int(rng.integers(8)) if case % 4 < 2 else int(rng.integers(1, 256))
    return bytes(damaged)


def zero(content: bytes, case: int) -> bytes:
    """A run of bytes zeroed, as a lost page or stripe leaves it."""
    rng = np.random.default_rng([2, case])
    damaged = bytearray(content)
    at, num = int(rng.integers(len(content))), int(2 ** rng.uniform(1, 12))
    damaged[at : at + num] = bytes(len(damaged[at : at + num]))
    return bytes(damaged)


def cut(content: bytes, case: int) -> bytes:
    """The end is missing."""
    return content[: int(np.random.default_rng([3, case]).integers(len(content)))]


RIGHT, REFUSED = "right", "refused"
DAMAGES: dict[str, Damage] = {"flip": flip, "zero": zero, "cut": cut}


def outcome(path: Path, right: dict[str, object]) -> str:
    """What reading a damaged file gives: RIGHT data, some REFUSED by an error that names the file, or what is wrong."""
    found = read_all(path)
    errors = [error for error in found.values() if isinstance(error, Exception)]
    for error in errors:
        if path.name not in str(error) or "\n" in str(error):
            return f"no good message: {error!r}"
    for what, content in found.items():
        if not isinstance(content, Exception) and content != right[what]:
            return f"{what} is other data"
    return REFUSED if errors else RIGHT


def family(original: Path) -> list[Path]:
    """A file, its checksums where it has any, and its cached index."""
    return [path for path in original.parent.iterdir() if path.name.lstrip(".").startswith(original.name)]


def main(original: Path, trials: list[str]) -> None:
    """Read copies of a file with one of its family damaged; write each case when it begins, then what came of it."""
    right = read_all(original)
    copies = original.parent / f"{original.stem}_copies"
    copies.mkdir()
    for trial in trials:
        victim, damage, num = trial.split(":")
        content = original.with_name(victim).read_bytes()
        for case in range(int(num)):
            sys.stdout.write(f"{victim} {damage} {case}\t")
            sys.stdout.flush()
            for path in family(original):
                shutil.copy2(path, copies / path.name)
            (copies / victim).write_bytes(DAMAGES[damage](content, case))
            sys.stdout.write(outcome(copies / original.name, right) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
