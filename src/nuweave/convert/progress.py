"""A line that shows how far a conversion is, where somebody looks at it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_line(title: str, *, is_shown: bool) -> Iterator[Callable[[int, int], None]]:
    """Show events done, of how many, and the time left; only on a terminal.

    Args:
        title: what is being done.
        is_shown: False for ranks that do not speak.
    Yields:
        a function that is told the number of events done, and of all.
    """
    if not (is_shown and sys.stderr.isatty()):
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
