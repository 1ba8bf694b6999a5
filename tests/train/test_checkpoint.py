"""Whole or absent, verified, never mixed."""

from __future__ import annotations

import errno
import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from nuweave.loader import EventDataset
from nuweave.models import build_network
from nuweave.tasks import make_task
from nuweave.train.checkpoint import Checkpoints, Progress
from nuweave.train.distributed import Ranks, one_process
from nuweave.train.engine import TorchEngine, cut_anew
from nuweave.train.errors import TrainError
from nuweave.train.selection import Best
from tests.train.events import tagger


def make(
    directory: Path, *, told: list[str] | None = None, weight_seed: int = 0, num_kept: int = 2
) -> tuple[Checkpoints, TorchEngine]:
    """Checkpoints in `directory` of a fresh network."""
    model, ranks = tagger(), one_process()
    task = make_task(model.task)
    torch.manual_seed(weight_seed)
    network = build_network(model.network, task.outputs, num_planes=2, shape=(16, 16))
    engine = TorchEngine(task, network, model.train, ranks)
    tell = (lambda _: None) if told is None else told.append
    origin = {"seed": 5, "commit": "abc"}
    return Checkpoints(directory, engine=engine, ranks=ranks, origin=origin, num_kept=num_kept, tell=tell), engine


def move(engine: TorchEngine, path: Path) -> None:
    """One optimiser step, so that weights and moments differ from what they were."""
    task, batch = make_task(tagger().task), EventDataset(path).read([0, 1])
    engine.backward(task.loss(engine.forward(batch), batch))
    engine.step(0.01)


def same(one: TorchEngine, other: TorchEngine) -> bool:
    a, b = one.network.state_dict(), other.network.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


def test_resume_restores_weights_optimiser_and_random_numbers(tmp_path: Path, learnable: dict[str, Path]) -> None:
    saved, engine = make(tmp_path)
    move(engine, learnable["train_path"])
    torch.manual_seed(77)
    saved.save(Progress(step=1, seconds=2.5))
    expected = torch.rand(3)
    move(engine, learnable["train_path"])

    resumed, other = make(tmp_path, weight_seed=1)
    assert resumed.resume() == Progress(step=1, seconds=2.5)
    assert torch.equal(torch.rand(3), expected)
    move(other, learnable["train_path"])
    assert same(engine, other)


def test_without_checkpoints_training_starts_at_zero(tmp_path: Path) -> None:
    assert make(tmp_path / "none")[0].resume() == Progress(step=0, seconds=0.0)


def test_the_two_newest_are_kept_and_latest_names_the_newest(tmp_path: Path) -> None:
    checkpoints, _ = make(tmp_path)
    for step in (1, 2, 10):
        checkpoints.save(Progress(step, 0.0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "step_000002", "step_000010"]
    assert (tmp_path / "latest").read_text() == "step_000010"


@pytest.mark.parametrize("victim", ["model.safetensors", "optimizer_000000.pt", "complete.json", "rank_000000.pt"])
@pytest.mark.parametrize("damage", ["cut", "gone", "flipped"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path, victim: str, damage: str) -> None:
    told: list[str] = []
    checkpoints, _ = make(tmp_path, told=told)
    checkpoints.save(Progress(3, 0.0))
    checkpoints.save(Progress(6, 0.0))
    file = tmp_path / "step_000006" / victim
    content = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    else:
        content[len(content) // 2] ^= 0xFF
        file.write_bytes(content[: len(content) // 2] if damage == "cut" else content)
    assert checkpoints.resume().step == 3
    assert len(told) == 1
    assert "step_000006" in told[0]
    assert victim in told[0]
    checkpoints.save(Progress(6, 0.0))
    assert checkpoints.resume().step == 6


def test_with_every_checkpoint_damaged_nothing_starts_over(tmp_path: Path) -> None:
    checkpoints, _ = make(tmp_path)
    checkpoints.save(Progress(3, 0.0))
    (tmp_path / "step_000003" / "model.safetensors").write_bytes(b"")
    with pytest.raises(TrainError, match="no checkpoint is whole; move the directory away"):
        checkpoints.resume()


def test_a_half_written_checkpoint_is_not_seen(tmp_path: Path) -> None:
    checkpoints, _ = make(tmp_path)
    checkpoints.save(Progress(3, 0.0))
    (tmp_path / ".step_000006.part").mkdir()
    assert checkpoints.resume().step == 3
    checkpoints.save(Progress(6, 0.0))
    assert not (tmp_path / ".step_000006.part").exists()


def test_the_checkpoint_of_the_best_validation_stays(tmp_path: Path, learnable: dict[str, Path]) -> None:
    checkpoints, engine = make(tmp_path, num_kept=1)
    best = Best("loss", 0.5, step=2)
    checkpoints.save(Progress(2, 0.0, best=best))
    weights = {name: tensor.clone() for name, tensor in engine.network.state_dict().items()}
    for step in (3, 4):
        move(engine, learnable["train_path"])
        checkpoints.save(Progress(step, 0.0, best=best))
    assert sorted(path.name for path in tmp_path.glob("step_*")) == ["step_000002", "step_000004"]
    assert checkpoints.resume().best == best
    checkpoints.load_best(best)
    assert all(torch.equal(weights[name], tensor) for name, tensor in engine.network.state_dict().items())
    checkpoints.save(Progress(5, 0.0, best=Best("loss", 0.4, step=5)))
    assert sorted(path.name for path in tmp_path.glob("step_*")) == ["step_000005"]


def test_a_write_that_fails_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints, _ = make(tmp_path)
    checkpoints.save(Progress(3, 0.0))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(TrainError, match=r"step_000006: cannot be written \(No space left on device\); "):
            checkpoints.save(Progress(6, 0.0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "step_000003"]
    assert checkpoints.resume().step == 3


def test_a_checkpoint_of_another_network_is_refused_with_its_commit(tmp_path: Path) -> None:
    checkpoints, _ = make(tmp_path)
    checkpoints.save(Progress(3, 0.0))
    path = tmp_path / "step_000003"
    (name, weight), *others = load_file(path / "model.safetensors").items()
    save_file({f"{name}_renamed": weight, **dict(others)}, path / "model.safetensors")
    complete = json.loads((path / "complete.json").read_text())
    complete["files"]["model.safetensors"] = hashlib.sha256((path / "model.safetensors").read_bytes()).hexdigest()
    (path / "complete.json").write_text(json.dumps(complete))
    with pytest.raises(TrainError, match=r"step_000003: does not fit this network .* wrote it \(commit abc\)"):
        checkpoints.resume()


def test_steps_of_seven_digits_are_newer_than_those_of_six(tmp_path: Path) -> None:
    checkpoints, _ = make(tmp_path)
    for step in (999_999, 1_000_000):
        checkpoints.save(Progress(step, 0.0))
    assert checkpoints.resume().step == 1_000_000


def test_flat_pieces_of_two_ranks_are_cut_anew_for_one_and_for_three() -> None:
    """Five weights: [0 1 2] [3 4 -], then [0 1 2 3 4 -], then [0 1] [2 3] [4 -]."""
    pieces = [torch.tensor([0.0, 1, 2]), torch.tensor([3.0, 4, 0])]
    shards = [{"state": {0: {"exp_avg": piece, "step": torch.tensor(7.0)}}, "param_groups": [1]} for piece in pieces]
    for world, size in ((1, 6), (3, 2)):
        found = [cut_anew(shards, [size], Ranks(rank, world, torch.device("cpu"))) for rank in range(world)]
        whole = torch.cat([one["state"][0]["exp_avg"] for one in found])
        assert whole.tolist() == [0, 1, 2, 3, 4, 0]
        assert all((one["state"][0]["step"], one["param_groups"]) == (7, [1]) for one in found)
