"""The ranks of `bench train` do what they are told, and say what it took. No speed is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuweave.bench.train_cases import (
    ENGINES,
    Case,
    event_groups,
    gpu_groups,
    model_of,
    scaling_groups,
    two_rank_groups,
)
from nuweave.bench.train_ranks import Work, do_work, read_work, write_work
from nuweave.bench.train_starts import first_step_s, on_ranks
from nuweave.config import UserError
from nuweave.train.distributed import one_process
from tests.train.conftest import own_environment
from tests.train.events import write_learnable

__all__ = ["own_environment"]
SMALL: dict[str, object] = {"global_batch": 4}


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return write_learnable(tmp_path / "events.h5", num_events=8)


def test_every_case_has_settings_of_its_own() -> None:
    for num_ranks, groups in ((2, two_rank_groups()), (1, event_groups()), (1, gpu_groups())):
        for cases in groups.values():
            models = [model_of(case, num_ranks=num_ranks) for case in cases]
            assert len({case.name for case in cases}) == len(cases)
            ways = [
                (case.events, case.exchange, model.model_dump_json()) for case, model in zip(cases, models, strict=True)
            ]
            assert len(set(ways)) == len(cases)
            assert {model.train.ranks for model in models} == {num_ranks}


def test_weak_scaling_keeps_the_events_of_a_rank_strong_scaling_those_of_all() -> None:
    one, two = (
        {case.name: model_of(case, num_ranks=num).train.global_batch for case in scaling_groups(num)["scaling"]}
        for num in (1, 2)
    )
    assert {name: two[name] / one[name] for name in one} == {
        "weak": 2,
        "weak, ZeRO 1": 2,
        "weak, own events": 2,
        "strong": 1,
    }


def test_ranks_read_the_work_that_was_written(tmp_path: Path) -> None:
    work = Work(2, "events.h5", two_rank_groups(), 3, saved=[Case("saved")], num_saves=1, summed_bytes=[8])
    write_work(work, tmp_path / "work.json")
    assert read_work(tmp_path / "work.json") == work


def test_one_rank_times_steps_checkpoints_and_sums(events: Path) -> None:
    cases = [Case(name, train={**SMALL, **ENGINES["torch"]}, events=name) for name in ("read", "held")]
    found = do_work(Work(1, str(events), {"events": cases}, 2, saved=cases[:1], num_saves=2), one_process())
    assert list(found.steps["events"]) == ["read", "held"]
    for steps in found.steps["events"].values():
        assert len(steps) == 2
        for step in steps:
            assert step["sites"] == 4 * 2 * 12  # events, planes, sites of each
            spent = [step[name] for name in ("wait", "forward", "backward", "optimizer")]
            assert min(spent) > 0
            assert sum(spent) < step["seconds"]
    assert len(found.saves["read"]) == 2


@pytest.mark.mpi
def test_two_ranks_step_in_turn_with_every_engine_and_can_keep_their_gradients(tmp_path: Path, events: Path) -> None:
    cases = [Case(name, train={**SMALL, **ENGINES[name]}) for name in ("torch", "ZeRO 1")]
    cases += [
        Case("alone", train={**SMALL, **ENGINES["torch"]}, exchange=False),
        Case("alike", train={**SMALL, **ENGINES["torch"]}, alike=True),
    ]
    work = Work(2, str(events), {"all": cases}, 1, saved=cases[1:2], num_saves=1, summed_bytes=[1000])
    found = on_ranks(work, tmp_path)
    assert [len(found.steps["all"][case.name]) for case in cases] == [1, 1, 1, 1]
    assert {steps[0]["sites"] for steps in found.steps["all"].values()} == {2 * 2 * 12}
    assert len(found.saves["ZeRO 1"]) == 1
    assert len(found.sums["1000"]) == 1


@pytest.mark.mpi
def test_a_training_is_timed_until_its_first_step_is_written(tmp_path: Path, events: Path) -> None:
    case = Case("torch", train={**SMALL, **ENGINES["torch"]})
    assert 0 < first_step_s(case, events, tmp_path / "start", num_ranks=2) < 100
    assert (tmp_path / "start" / "model" / "model.safetensors").is_file()


@pytest.mark.mpi
def test_ranks_that_fail_are_an_error_with_their_last_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"bench train: ranks ended with status \d+ \(.*\); mend that and start again"):
        on_ranks(Work(1, str(tmp_path / "none.h5"), {}, 1), tmp_path)
