"""Whole or absent, verified, never mixed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nuweave.config import ModelConfig
from nuweave.loader import EventDataset
from nuweave.models import build_network
from nuweave.tasks import make_task
from nuweave.train.checkpoint import Checkpoints, Progress, claim_run_dir, fingerprint
from nuweave.train.distributed import one_process
from nuweave.train.engine import TorchEngine
from nuweave.train.errors import TrainError
from tests.train.events import tagger, write_learnable


def make(directory: Path, *, told: list[str] | None = None, weight_seed: int = 0) -> tuple[Checkpoints, TorchEngine]:
    """Checkpoints in `directory` of a fresh network."""
    model, ranks = tagger(), one_process()
    task = make_task(model.task)
    torch.manual_seed(weight_seed)
    network = build_network(model.network, task.outputs, num_planes=2, shape=(16, 16))
    engine = TorchEngine(task, network, model.train, ranks)
    tell = (lambda _: None) if told is None else told.append
    return Checkpoints(directory, engine=engine, ranks=ranks, tell=tell), engine


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


@pytest.mark.parametrize("victim", ["torch.pt", "complete.json", "rank_000000.pt"])
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
    (tmp_path / "step_000003" / "torch.pt").write_bytes(b"")
    with pytest.raises(TrainError, match="no checkpoint is whole; move the directory away"):
        checkpoints.resume()


def test_a_half_written_checkpoint_is_not_seen(tmp_path: Path) -> None:
    checkpoints, _ = make(tmp_path)
    checkpoints.save(Progress(3, 0.0))
    (tmp_path / ".step_000006.part").mkdir()
    assert checkpoints.resume().step == 3
    checkpoints.save(Progress(6, 0.0))
    assert not (tmp_path / ".step_000006.part").exists()


def test_the_fingerprint_follows_what_decides_the_weights_and_nothing_else(
    tmp_path: Path, learnable: dict[str, Path]
) -> None:
    def mark(model: ModelConfig, seed: int = 1, path: Path = learnable["train_path"]) -> str:
        return fingerprint(model, seed=seed, train_path=path)

    usual = mark(tagger())
    assert mark(tagger(log_every=7, validate_every=7, checkpoint_every=7, max_validation_events=7)) == usual
    assert mark(tagger(overfit={"max_steps": 7})) == usual
    others = [
        mark(tagger(learning_rate=0.02)),
        mark(tagger(), seed=2),
        mark(tagger(), path=write_learnable(tmp_path / "other.h5", num_events=10, seed=3)),
    ]
    assert len({usual, *others}) == 4


def test_a_run_of_another_training_is_moved_aside_and_counted(tmp_path: Path) -> None:
    run_dir, told = tmp_path / "run", list[str]()
    claim_run_dir(run_dir, "a", told.append)
    claim_run_dir(run_dir, "a", told.append)
    assert not told
    for number, mark in enumerate("bc", start=1):
        (run_dir / "of").write_text(mark)
        claim_run_dir(run_dir, mark, told.append)
        assert not (run_dir / "of").exists()
        assert (tmp_path / f"run.old{number}" / "of").read_text() == mark
    assert len(told) == 2
    assert "run.old2" in told[1]
