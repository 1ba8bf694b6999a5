"""What a site would refuse, refused before anything is submitted."""

from __future__ import annotations

from nuweave.config.site import LimitConfig, SiteConfig
from nuweave.config.train import TrainConfig
from nuweave.sites.errors import SiteError
from nuweave.sites.request import Request
from nuweave.sites.words import hours_in_words, nodes_in_words


def require_fit(site: SiteConfig, request: Request, what: str) -> None:
    """Refuse a job that the site would.

    Args:
        what: the step, for the message.
    Raises:
        SiteError: no account or file systems, an unknown queue, nodes or hours that the queue does not take.
    """
    require_account(site, request, what)
    require_queue(site, request, what)


def require_account(site: SiteConfig, request: Request, what: str) -> None:
    """Refuse a job without what the site wants of every job.

    Raises:
        SiteError: no account or file systems.
    """
    if site.account_required and (request.account is None or request.account.startswith("$")):
        raise SiteError(
            f"{what}: no account for {site.name}: export NUWEAVE_ACCOUNT=PROJECT, or "
            "--config cluster='{account: PROJECT}'"
        )
    if site.scheduler == "pbs" and request.filesystems is None:
        raise SiteError(
            f"{what}: {site.name} wants the file systems that a job needs: export NUWEAVE_FILESYSTEMS=home:eagle, "
            "say, or set filesystems in its site.yaml"
        )


def require_queue(site: SiteConfig, request: Request, what: str) -> None:
    """Refuse a job that its queue does not take.

    Raises:
        SiteError: an unknown queue, nodes or hours that the queue does not take.
    """
    if not site.queues or request.queue is None:
        return
    if request.queue not in site.queues:
        raise SiteError(f"{what}: {site.name} has no queue {request.queue}; it has {', '.join(site.queues)}")
    if not any(limit.takes(request.nodes, request.minutes) for limit in site.queues[request.queue]):
        raise SiteError(
            f"{what}: {nodes_in_words(request.nodes)} for {hours_in_words(request.minutes)} on {site.name}: "
            f"queue {request.queue} takes {' or '.join(map(_in_words, site.queues[request.queue]))}; "
            f"{_remedy(site, request)} (limits of {site.checked})"
        )


def require_batch(train: TrainConfig, ranks: int, what: str) -> None:
    """Refuse ranks that the batch of a training does not divide by.

    Raises:
        SiteError: with a batch that would fit.
    """
    good = train.nearest_batch(ranks)
    if good != train.global_batch:
        raise SiteError(
            f"{what}: train.global_batch={train.global_batch} must divide by {ranks} ranks"
            f"{f' x accumulate={train.accumulate}' if train.accumulate > 1 else ''}; try {good}, or other nodes"
        )


def _remedy(site: SiteConfig, request: Request) -> str:
    fitting = [
        name
        for name, limits in site.queues.items()
        if any(limit.takes(request.nodes, request.minutes) for limit in limits)
    ]
    if fitting:
        return f"use {' or '.join(fitting)}"
    shorter = [
        (limit.max_minutes, name)
        for name, limits in site.queues.items()
        for limit in limits
        if limit.max_minutes is not None and limit.takes(request.nodes, 1)
    ]
    if shorter:
        minutes, name = max(shorter)
        return (
            f"no queue takes that; {name} takes these nodes for up to {hours_in_words(minutes)}, "
            "and a training goes on in the next job"
        )
    return "no queue takes so many nodes; ask for fewer"


def _in_words(limit: LimitConfig) -> str:
    if limit.max_nodes is None:
        nodes = f"{limit.min_nodes} or more nodes" if limit.min_nodes > 1 else "any number of nodes"
    elif limit.max_nodes == limit.min_nodes:
        nodes = nodes_in_words(limit.max_nodes)
    else:
        nodes = f"{limit.min_nodes} to {limit.max_nodes} nodes"
    return nodes if limit.max_minutes is None else f"{nodes} for up to {hours_in_words(limit.max_minutes)}"
