"""Two ranks over MPI: every engine trains like one process, and a stop leaves no trace."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nuweave.train.distributed import one_process
from tests.train.mpi_program import ENGINES, NOT_FINISHED, WAYS, norm_of, short_training

pytestmark = pytest.mark.mpi
ROOT = Path(__file__).resolve().parents[2]


def two_ranks(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Start the program on two ranks."""
    mpiexec = Path(sys.executable).with_name("mpiexec")
    command = [mpiexec, "-n", "2", sys.executable, "-m", "tests.train.mpi_program", *arguments]
    return subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


ROUNDED = ("bf16", "fp16")


def test_every_engine_on_two_ranks_trains_like_torch_in_one_process(tmp_path: Path, learnable: dict[str, Path]) -> None:
    """The loss is one mean over all ranks and parts: with a norm that knows of neither, only rounding differs."""
    out = tmp_path / "engines.json"
    done = two_ranks("engines", learnable["train_path"], out)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert len(found) == len(ENGINES) * (len(WAYS) + 1) - 4  # LAMB and LARS under ZeRO 1 and 2
    alone = {way: short_training(learnable["train_path"], WAYS[way], one_process(), norm=norm_of(way)) for way in WAYS}
    alone["sync_batch"] = short_training(learnable["train_path"], WAYS["sgd"], one_process(), norm="sync_batch")
    for name, trained in found.items():
        way = name.split(", ")[1]
        is_exact = way not in ROUNDED
        assert trained["losses"] == pytest.approx(alone[way]["losses"], rel=1e-5 if is_exact else 1e-4), name
        assert trained["norms"] == pytest.approx(alone[way]["norms"], rel=1e-3 if is_exact else 1e-2), name
        if is_exact:
            assert trained["weights"] == pytest.approx(alone[way]["weights"], rel=1e-3), name
    assert alone["accumulated"]["losses"] == pytest.approx(alone["sgd"]["losses"], rel=1e-6)
    assert len({tuple(alone[way]["losses"]) for way in ("sgd", "bf16", "fp16")}) == 3
    assert "DeepSpeed" not in done.stdout + done.stderr


def test_a_stopped_and_resumed_training_with_deepspeed_gives_the_same_bits(
    tmp_path: Path, learnable: dict[str, Path]
) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    paths = (learnable["train_path"], learnable["val_path"])
    assert two_ranks("train", whole, *paths, -1).returncode == 0
    assert two_ranks("train", halves, *paths, 5).returncode == NOT_FINISHED
    assert (halves / "run" / "checkpoints" / "latest").read_text() == "step_000007"
    second = two_ranks("train", halves, *paths, -1)
    assert second.returncode == 0, second.stderr
    assert "going on after step 7 of 12" in second.stderr
    name = Path("model") / "model.safetensors"
    assert (whole / name).read_bytes() == (halves / name).read_bytes()
    first, last = (json.loads((path / "model" / "model.json").read_text())["validation"] for path in (whole, halves))
    assert first == last
