"""What does not fit is told before any work."""

from __future__ import annotations

import pytest

from nuweave.config.train import TrainConfig
from nuweave.train.fit import misfit
from nuweave.train.placement import RankFacts
from tests.train.test_placement import on_gpu, rank


def settings(*, ranks: int, ranks_per_device: int = 1) -> TrainConfig:
    """Settings for so many ranks."""
    return TrainConfig(ranks=ranks, ranks_per_device=ranks_per_device, global_batch=ranks)


def two_nodes() -> list[RankFacts]:
    """Two ranks with a GPU each, on two nodes."""
    return [on_gpu(2 * node + local, local=local, host=f"nid00{node + 1}") for node in range(2) for local in range(2)]


def test_what_fits_has_no_fault() -> None:
    assert misfit(two_nodes(), settings(ranks=4), "slurm") is None
    assert misfit([rank(0)], settings(ranks=1), "none") is None


def test_a_wrong_number_of_ranks_has_two_remedies() -> None:
    found = misfit([rank(0)], settings(ranks=4), "none")
    assert found == "train.ranks=4 but 1 started (none); start with mpiexec -n 4, or set train.ranks: 1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"software": "torch 3"},
            "ranks 0-2 (nid001 .. nid002) with torch 2; rank 3 (nid002) with torch 3; start",
        ),
        ({"settings": "x"}, "settings of hash abc; rank 3 (nid002) with settings of hash x; give every rank the same"),
        ({"device": "cpu", "device_key": ""}, "with cuda; rank 3 (nid002) with cpu; look at the drivers"),
    ],
)
def test_a_rank_that_differs_is_named(changes: dict[str, str], words: str) -> None:
    facts = two_nodes()
    found = misfit([*facts[:3], facts[3]._replace(**changes)], settings(ranks=4), "slurm")  # type: ignore[arg-type]
    assert found is not None
    assert words in found


def test_commits_are_compared_where_they_are_known() -> None:
    facts = [rank(0, commit="aaa"), rank(1), rank(2, "nid002", commit="aaa"), rank(3, "nid002")]
    assert misfit(facts, settings(ranks=4), "slurm") is None
    facts[2] = facts[2]._replace(commit="bbb")
    found = misfit(facts, settings(ranks=4), "slurm")
    assert found is not None
    assert "rank 0 (nid001) with nuweave at commit aaa; rank 2 (nid002) with nuweave at commit bbb; start" in found


def test_ranks_that_crowd_a_gpu_are_named_with_two_remedies() -> None:
    facts = [on_gpu(number, local=number // 2) for number in range(4)]
    assert misfit(facts, settings(ranks=4), "mpich") == (
        "train.ranks_per_device=1 but ranks 0-1 (nid001) use one NVIDIA A100-SXM4-40GB; "
        "start fewer ranks a node, or set train.ranks_per_device: 2"
    )
    assert misfit(facts, settings(ranks=4, ranks_per_device=2), "mpich") is None


def test_one_visible_gpu_a_rank_is_not_one_gpu_for_all() -> None:
    facts = [on_gpu(number, local=number, device="cuda:0") for number in range(4)]
    assert misfit(facts, settings(ranks=4), "slurm") is None
