"""Threads of a rank, and the start-up report of made-up nodes."""

from __future__ import annotations

import os
import socket

import pytest
import torch

from nuweave.config.train import TrainConfig
from nuweave.train.placement import RankFacts, as_ranges, node_name, own_facts, report, threads_of

A100 = "NVIDIA A100-SXM4-40GB"


def rank(number: int, host: str = "nid001", **changes: object) -> RankFacts:
    """A rank on a CPU that it has for itself, but for the changes."""
    fields: dict[str, object] = {
        "process": 100 + number,
        "device": "cpu",
        "device_name": "",
        "device_key": "",
        "visible": "",
        "cpus": (number,),
        "omp_threads": None,
        "software": "torch 2",
        "commit": "",
        "settings": "abc",
    }
    return RankFacts(rank=number, host=host, **{**fields, **changes})  # type: ignore[arg-type]


def on_gpu(number: int, *, local: int, host: str = "nid001", **changes: object) -> RankFacts:
    """A rank with an A100 and eight CPUs for itself."""
    own: dict[str, object] = {"device": f"cuda:{local}", "device_name": A100, "device_key": f"GPU-{local}"}
    return rank(number, host, **{**own, "cpus": tuple(range(8 * local, 8 * local + 8)), **changes})


@pytest.mark.parametrize(
    ("numbers", "text"), [([], ""), ([3], "3"), ([1, 0, 2], "0-2"), ([0, 1, 5, 7, 8], "0-1,5,7-8")]
)
def test_ranges(numbers: list[int], text: str) -> None:
    assert as_ranges(numbers) == text


def test_ranks_that_share_cpus_share_them_out() -> None:
    assert threads_of([rank(number, cpus=tuple(range(8))) for number in range(4)]) == [2, 2, 2, 2]


def test_a_rank_bound_to_its_own_cpus_uses_them_all() -> None:
    assert threads_of([on_gpu(number, local=number) for number in range(4)]) == [8, 8, 8, 8]


def test_ranks_of_other_nodes_do_not_count() -> None:
    assert threads_of([rank(0, "a", cpus=(0, 1)), rank(1, "b", cpus=(0, 1))]) == [2, 2]


def test_more_ranks_than_cpus_have_one_thread_each() -> None:
    assert threads_of([rank(number, cpus=(0, 1)) for number in range(3)]) == [1, 1, 1]


def test_omp_num_threads_counts_before_all() -> None:
    assert threads_of([rank(0, cpus=(0, 1), omp_threads=5)]) == [5]


def test_one_process() -> None:
    assert report([rank(0, "laptop", cpus=(0, 1))]) == ["1 node (laptop), rank 0: cpu on CPUs 0-1, 2 threads"]


def test_nodes_that_look_alike_are_one_line() -> None:
    facts = [on_gpu(4 * n + local, local=local, host=f"nid00{n + 1}") for n in range(2) for local in range(4)]
    assert report(facts) == [
        f"2 nodes (nid001, nid002), ranks 0-7: {A100}: cuda:0 on CPUs 0-7, 8 threads; cuda:1 on CPUs 8-15, 8 threads; "
        "cuda:2 on CPUs 16-23, 8 threads; cuda:3 on CPUs 24-31, 8 threads"
    ]


def test_a_node_that_differs_has_a_line_of_its_own_and_a_thousand_alike_have_one() -> None:
    facts = [on_gpu(n, local=0, host=f"x{n:04}") for n in range(1000)] + [on_gpu(1000, local=1, host="y")]
    alike, other = report(facts)
    assert alike.startswith("1000 nodes (x0000, x0001 .. x0999), ranks 0-999: ")
    assert other.startswith("1 node (y), rank 1000: ")


def test_twelve_tiles() -> None:
    facts = [
        rank(number, device=f"xpu:{number}", device_name="Max 1550", cpus=(number, number + 52)) for number in range(12)
    ]
    (line,) = report(facts)
    assert line.startswith("1 node (nid001), ranks 0-11: Max 1550: xpu:0 on CPUs 0,52, 2 threads; xpu:1 on CPUs 1,53")
    assert line.endswith("; xpu:11 on CPUs 11,63, 2 threads")


def test_ranks_that_share_a_device_are_counted() -> None:
    facts = [on_gpu(number, local=number // 2, cpus=tuple(range(32))) for number in range(4)]
    assert report(facts) == [
        f"1 node (nid001), ranks 0-3: {A100}: 2 x cuda:0 on CPUs 0-31, 8 threads; 2 x cuda:1 on CPUs 0-31, 8 threads"
    ]


def test_masks_of_a_node_are_told_once_each() -> None:
    shared = [on_gpu(number, local=number, visible="CUDA_VISIBLE_DEVICES=0,1") for number in range(2)]
    assert report(shared)[0].endswith("; cuda:1 on CPUs 8-15, 8 threads; CUDA_VISIBLE_DEVICES=0,1")
    own = [rank(number, visible=f"CUDA_VISIBLE_DEVICES={1 - number}") for number in range(2)]
    assert report(own)[0].endswith("; CUDA_VISIBLE_DEVICES=1 / CUDA_VISIBLE_DEVICES=0")


def test_nodes_of_one_host_are_told_apart_by_the_name_that_slurm_gives_them() -> None:
    assert node_name({"SLURMD_NODENAME": "n2"}) == "n2"
    assert node_name({}) == socket.gethostname()


def test_own_facts_are_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("SLURMD_NODENAME", "n2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("ZE_AFFINITY_MASK", raising=False)
    facts = own_facts(5, torch.device("cpu"), TrainConfig(), is_first_of_node=False)
    assert (facts.rank, facts.process, facts.device, facts.device_key) == (5, os.getpid(), "cpu", "")
    assert set(facts.cpus) == os.sched_getaffinity(0)
    assert (facts.host, facts.visible, facts.omp_threads) == ("n2", "CUDA_VISIBLE_DEVICES=", 3)
    other = own_facts(5, torch.device("cpu"), TrainConfig(max_steps=7), is_first_of_node=False)
    assert other.settings != facts.settings
