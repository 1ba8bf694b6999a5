"""larcv's queueio in a process of its own, which times itself while it reads what it is told to."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from nuweave.bench.stopwatch import Batches, Timing
from nuweave.config import UserError
from nuweave.crosscheck import child


class LarcvQueue:
    """A child that reads batches of a file. It runs on the processors that its maker is held to.

    Args:
        path: file with sparse2d_image and sparse2d_label.
        planes: projections of an event.
        batch: events of every batch.
        max_voxels: room for the sites of a projection; larcv leaves out what is beyond.
        form: "sparse" leaves the sites as larcv packs them, "dense" makes images of them.
    Raises:
        UserError: there is no environment with larcv.
    """

    def __init__(
        self, path: Path, *, planes: int, batch: int, max_voxels: int, form: Literal["sparse", "dense"]
    ) -> None:
        self._path, self._form = path, form
        numbers = [str(number) for number in (planes, batch, max_voxels)]
        self._process = subprocess.Popen(
            [child.larcv_python(), "-I", str(child.PROGRAM), "queue", str(path), form, *numbers],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:  # ends its input, and so its program
            pass

    def measure(self, batches: Batches) -> Timing:
        """Time the reading of batches.

        Raises:
            UserError: larcv died, or hangs.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(batches) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            ended = self._process.wait()
            raise UserError(f"{self._path}: larcv's {self._form} queue ended with {ended} instead of reading it")
        return Timing(**json.loads(answer))
