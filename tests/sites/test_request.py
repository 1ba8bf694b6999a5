"""What a step asks for: hand-made sites with numbers that can be divided in the head."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuweave.config.cluster import ClusterConfig
from nuweave.config.site import SiteConfig, load_site
from nuweave.config.train import TrainConfig
from nuweave.sites import Request, from_resources, plan, to_resources

PROFILES = Path(__file__).resolve().parents[2] / "profiles"
NOTHING = ClusterConfig()


def site(name: str) -> SiteConfig:
    return load_site(name, PROFILES)


def train(ranks: int, ranks_per_device: int = 1) -> TrainConfig:
    return TrainConfig(ranks=ranks, ranks_per_device=ranks_per_device, global_batch=ranks)


@pytest.mark.parametrize(
    ("name", "ranks", "nodes", "ranks_per_node", "gpus"),
    [
        ("polaris", 2, 1, 2, 2),
        ("polaris", 4, 1, 4, 4),
        ("polaris", 6, 2, 3, 3),  # 4 and 2 would not be even
        ("polaris", 7, 7, 1, 1),
        ("polaris", 40, 10, 4, 4),
        ("aurora", 12, 1, 12, 12),
        ("aurora", 64, 8, 8, 8),
        ("perlmutter", 8, 2, 4, 4),
        ("local", 3, 1, 3, 0),
    ],
)
def test_ranks_are_placed_evenly_on_as_few_nodes_as_hold_them(
    name: str, ranks: int, nodes: int, ranks_per_node: int, gpus: int
) -> None:
    request = plan(site(name), "train", NOTHING, train(ranks))
    assert (request.nodes, request.ranks_per_node, request.gpus_per_node) == (nodes, ranks_per_node, gpus)
    assert request.ranks == ranks


def test_given_nodes_are_taken_whole() -> None:
    assert plan(site("aurora"), "train", ClusterConfig(nodes=3), train(2)).ranks == 36
    assert plan(site("polaris"), "train", ClusterConfig(nodes=3), train(2)).ranks == 12


def test_ranks_that_share_a_gpu_need_half_of_them() -> None:
    request = plan(site("polaris"), "train", NOTHING, train(8, ranks_per_device=2))
    assert (request.nodes, request.ranks_per_node, request.gpus_per_node) == (1, 8, 4)
    assert plan(site("polaris"), "train", NOTHING, train(4, ranks_per_device=2)).gpus_per_node == 2


def test_settings_take_precedence_over_the_site_for_trainings_and_account_and_file_systems_for_all() -> None:
    given = ClusterConfig(account="nu", queue="prod", nodes=10, minutes=90, filesystems="home:flare")
    wanted = plan(site("polaris"), "train", given, train(4))
    assert (wanted.account, wanted.queue, wanted.nodes, wanted.minutes, wanted.filesystems) == (
        "nu",
        "prod",
        10,
        90,
        "home:flare",
    )
    other = plan(site("polaris"), "files", given)
    assert (other.account, other.queue, other.nodes, other.minutes, other.filesystems) == (
        "nu",
        "preemptable",
        1,
        60,
        "home:flare",
    )


@pytest.mark.parametrize("name", ["polaris", "aurora", "perlmutter", "slurm"])
@pytest.mark.parametrize("ranks", [1, 2, 6])
def test_resources_tell_the_request_and_nothing_is_lost_on_the_way(name: str, ranks: int) -> None:
    wanted = plan(site(name), "train", ClusterConfig(account="nu", queue="q"), train(ranks))
    assert from_resources(site(name), to_resources(site(name), "train", wanted)) == wanted


def test_polaris_is_asked_in_the_words_of_our_submit_command() -> None:
    request = plan(site("polaris"), "train", ClusterConfig(account="nu", minutes=90), train(8))
    assert to_resources(site("polaris"), "train", request) == {
        "site": "polaris",
        "account": "nu",
        "queue": "capacity",
        "runtime": 90,
        "filesystems": "home:eagle",
        "nodes": 2,
        "ranks_per_node": 4,
        "gpus_per_node": 4,
        "trainings": 1,
    }


def test_perlmutter_is_asked_in_the_words_of_the_slurm_executor() -> None:
    request = plan(site("perlmutter"), "train", ClusterConfig(account="m1", minutes=90), train(8))
    assert to_resources(site("perlmutter"), "train", request) == {
        "site": "perlmutter",
        "slurm_account": "m1",
        "qos": "regular",
        "constraint": "gpu",
        "runtime": 90,
        "nodes": 2,
        "ranks_per_node": 4,
        "gpus_per_node": 4,
        "trainings": 1,
        "tasks_per_node": 4,
        "cpus_per_task": 32,
        "mem_mb": 0,
        "slurm_extra": "--gpus-per-node=4",
        "mpi": "srun",
    }


def test_one_rank_needs_no_launcher_of_its_own_in_a_slurm_job() -> None:
    resources = to_resources(site("perlmutter"), "train", plan(site("perlmutter"), "train", NOTHING, train(1)))
    assert resources["mpi"] is None
    assert resources["tasks_per_node"] is None
    assert resources["ranks_per_node"] == 1


def test_a_step_on_a_shared_node_asks_for_its_cores_device_and_memory() -> None:
    told = to_resources(site("slurm"), "device", plan(site("slurm"), "device", NOTHING))
    assert (told["cpus_per_task"], told["slurm_extra"], told["mem_mb"], told["mpi"]) == (
        8,
        "--gpus-per-node=1",
        32000,
        None,
    )
    assert "nodes" not in told  # in a group Snakemake would add them up


def test_one_machine_is_asked_for_nothing() -> None:
    assert to_resources(site("local"), "files", plan(site("local"), "files", NOTHING)) == {"site": "local"}
    assert from_resources(site("local"), {}) == Request(1, 1, 0, 0)
