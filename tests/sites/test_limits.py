"""What a site would refuse is refused here, with a way out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nuweave.config.train import TrainConfig
from nuweave.sites import Request, SiteError, require_batch, require_fit
from tests.sites.test_request import site

GOOD = Request(
    nodes=2,
    ranks_per_node=4,
    gpus_per_node=4,
    minutes=60,
    account="nu",
    queue="debug",
    filesystems="home:eagle",
)


def refusal(name: str, request: Request) -> str:
    with pytest.raises(SiteError) as error:
        require_fit(site(name), request, "train unet")
    text = str(error.value)
    assert "\n" not in text
    return text


def test_a_job_within_the_limits_passes() -> None:
    require_fit(site("polaris"), GOOD, "train unet")
    require_fit(site("polaris"), replace(GOOD, queue="prod", nodes=496, minutes=1440), "train unet")
    require_fit(site("slurm"), replace(GOOD, account=None, queue="whatever", nodes=99), "train unet")


@pytest.mark.parametrize("account", [None, "$NERSC_ACCOUNT"])
@pytest.mark.parametrize("name", ["polaris", "aurora", "perlmutter"])
def test_a_job_without_an_account_is_refused_by_name(name: str, account: str | None) -> None:
    assert refusal(name, replace(GOOD, account=account)) == (
        f"train unet: no account for {name}: export NUWEAVE_ACCOUNT=PROJECT, or --config cluster='{{account: PROJECT}}'"
    )


def test_the_queues_that_would_fit_are_named() -> None:
    assert refusal("polaris", replace(GOOD, minutes=180, queue="prod")) == (
        "train unet: 2 nodes for 3 h on polaris: queue prod takes 10 to 24 nodes for up to 3 h or 25 to 99 nodes "
        "for up to 6 h or 100 to 496 nodes for up to 24 h; use preemptable or capacity (limits of 2026-08-19)"
    )
    assert "use prod" in refusal("polaris", replace(GOOD, nodes=30, minutes=360))
    assert "use debug-scaling or capacity" in refusal("aurora", replace(GOOD, nodes=4))


def test_a_size_that_fits_but_for_its_hours_is_told_the_longest() -> None:
    assert "no queue takes that; prod takes these nodes for up to 6 h" in refusal(
        "polaris", replace(GOOD, nodes=30, minutes=361)
    )


def test_more_nodes_than_there_are_is_told_so() -> None:
    assert "no queue takes so many nodes" in refusal("polaris", replace(GOOD, nodes=497))


def test_an_unknown_queue_is_refused_with_those_that_there_are() -> None:
    assert refusal("polaris", replace(GOOD, queue="gpu")) == (
        "train unet: polaris has no queue gpu; it has debug, debug-scaling, prod, preemptable, capacity"
    )


def test_pbs_is_told_the_file_systems() -> None:
    assert "wants the file systems" in refusal("polaris", replace(GOOD, filesystems=None))


def test_a_batch_that_does_not_divide_by_the_ranks_is_refused_with_one_that_does() -> None:
    settings = TrainConfig(ranks=2, global_batch=32)
    require_batch(settings, 16, "train unet")
    with pytest.raises(SiteError, match="global_batch=32 must divide by 12 ranks; try 36, or other nodes"):
        require_batch(settings, 12, "train unet")
