"""Two ranks over MPI: every engine trains like one process, and a stop leaves no trace."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nuweave.train.distributed import one_process
from tests.train.mpi_program import ENGINES, NOT_FINISHED, short_training

pytestmark = pytest.mark.mpi
ROOT = Path(__file__).resolve().parents[2]


def two_ranks(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Start the program on two ranks."""
    mpiexec = Path(sys.executable).with_name("mpiexec")
    command = [mpiexec, "-n", "2", sys.executable, "-m", "tests.train.mpi_program", *arguments]
    return subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_every_engine_on_two_ranks_trains_like_torch_in_one_process(tmp_path: Path, learnable: dict[str, Path]) -> None:
    """The loss is normalised over all ranks: with a norm that does not look at other events, only rounding differs."""
    out = tmp_path / "engines.json"
    done = two_ranks("engines", learnable["train_path"], out)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    for name, settings in ENGINES.items():
        rounds = settings.get("precision") == "bf16"
        expected = short_training(learnable["train_path"], ENGINES["torch bf16" if rounds else "torch"], one_process())
        tolerance = 1e-3 if rounds else 1e-5
        assert found[name]["losses"] == pytest.approx(expected["losses"], rel=tolerance), name
        # AdamW makes steps of full size out of gradients that are 0 but for rounding
        assert found[name]["weights"] == pytest.approx(expected["weights"], rel=0.02, abs=0.01), name
    assert found["torch bf16"]["losses"] != found["torch"]["losses"]
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
