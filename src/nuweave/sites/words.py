"""Requests in words, for messages and for the list that a start prints."""

from __future__ import annotations

from nuweave.sites.request import Request


def in_words(request: Request) -> str:
    """As `2 nodes x 4 ranks, 4 GPUs each, 6 h, queue capacity, account nu, home:eagle`."""
    parts = [
        nodes_in_words(request.nodes) + (f" x {request.ranks_per_node} ranks" if request.ranks > 1 else ""),
        f"{request.gpus_per_node} GPU{'s' * (request.gpus_per_node > 1)} each" if request.gpus_per_node else "",
        hours_in_words(request.minutes),
        f"queue {request.queue}" if request.queue else "",
        f"account {request.account}" if request.account else "",
        request.filesystems or "",
    ]
    return ", ".join(part for part in parts if part)


def nodes_in_words(number: int) -> str:
    """As 1 node, 2 nodes."""
    return f"{number} node{'s' * (number > 1)}"


def hours_in_words(minutes: int) -> str:
    """As 3 h, or 45 min."""
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
