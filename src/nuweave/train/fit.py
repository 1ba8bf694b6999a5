"""Whether ranks, devices, software and settings fit together, before any work is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nuweave.config.train import TrainConfig
from nuweave.train.placement import RankFacts, ranks_in_words


def misfit(facts: Sequence[RankFacts], settings: TrainConfig, launcher: str) -> str | None:
    """The first thing that does not fit, in one line with its remedy; None where all does.

    Args:
        facts: of all ranks.
        settings: of rank 0.
        launcher: that started the ranks.
    """
    with_commit = [one for one in facts if one.commit]
    same: list[tuple[Sequence[RankFacts], Callable[[RankFacts], str], str]] = [
        (facts, _software, "start every rank in one environment"),
        (with_commit, _commit, "start every rank from one checkout"),
        (facts, _settings, "give every rank the same --config and --model"),
        (facts, _kind, "look at the drivers of the nodes without GPU, or hide every GPU with CUDA_VISIBLE_DEVICES="),
    ]
    differences = (_different(ranks, look, remedy) for ranks, look, remedy in same)
    return (
        _wrong_number(len(facts), settings.ranks, launcher)
        or next(filter(None, differences), None)
        or _crowded(facts, settings.ranks_per_device)
    )


def _software(one: RankFacts) -> str:
    return one.software


def _commit(one: RankFacts) -> str:
    return f"nuweave at commit {one.commit}"


def _settings(one: RankFacts) -> str:
    return f"settings of hash {one.settings}"


def _kind(one: RankFacts) -> str:
    return one.device.split(":")[0]


def _wrong_number(started: int, wanted: int, launcher: str) -> str | None:
    if started == wanted:
        return None
    return (
        f"train.ranks={wanted} but {started} started ({launcher}); "
        f"start with mpiexec -n {wanted}, or set train.ranks: {started}"
    )


def _different(facts: Sequence[RankFacts], look: Callable[[RankFacts], str], remedy: str) -> str | None:
    """What ranks have that should have the same."""
    groups: dict[str, list[RankFacts]] = {}
    for one in facts:
        groups.setdefault(look(one), []).append(one)
    if len(groups) <= 1:
        return None
    found = "; ".join(f"{_named(ranks)} with {what}" for what, ranks in groups.items())
    return f"the ranks do not fit together: {found}; {remedy}"


def _crowded(facts: Sequence[RankFacts], ranks_per_device: int) -> str | None:
    """The first device that more ranks use than the settings allow."""
    users: dict[tuple[str, str], list[RankFacts]] = {}
    for one in facts:
        if one.device_key:
            users.setdefault((one.host, one.device_key), []).append(one)
    for ranks in users.values():
        if len(ranks) > ranks_per_device:
            return (
                f"train.ranks_per_device={ranks_per_device} but {_named(ranks)} use one {ranks[0].device_name}; "
                f"start fewer ranks a node, or set train.ranks_per_device: {len(ranks)}"
            )
    return None


def _named(ranks: Sequence[RankFacts]) -> str:
    """Ranks and the first and last of their hosts."""
    hosts = list(dict.fromkeys(one.host for one in ranks))
    where = hosts[0] if len(hosts) == 1 else f"{hosts[0]} .. {hosts[-1]}"
    return f"{ranks_in_words([one.rank for one in ranks])} ({where})"
