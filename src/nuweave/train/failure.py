"""How a rank ends: with the others, or, after an error that is told once, alone and at once, so that all end."""

from __future__ import annotations

import hashlib
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NoReturn

from torch.distributed.distributed_c10d import Store

from nuweave.config import UserError
from nuweave.ranks import Place, find_place
from nuweave.train.meeting import meet

GRACE_S = 1.0  # in which the ranks that fail alike count themselves
MEETING = timedelta(seconds=60)


@contextmanager
def errors_of_ranks(store: Store | None = None, place: Place | None = None) -> Iterator[None]:
    """Let an error inside end this process with its status, after one line of it; a process on its own just raises it.

    An error that every rank raises is told once, one of some ranks with the number of the first of them. A user's
    mistake is told in its own words, another error with its traceback.

    Args:
        store: shared by the ranks; None before they have met.
        place: of this process, where the environment no longer tells the launcher.
    """
    place = place or find_place(os.environ)
    try:
        yield
    except Exception as error:
        if place.world_size == 1:
            raise
        _leave(error, place, store)


def leave_together(status: int) -> None:
    """End this rank of several with an exit status, after the work is done; a process on its own goes on.

    Not by way of the interpreter: with DeepSpeed one end in forty was an abort ("terminate called without an active
    exception"), by a thread of a library that the process took down at its exit.
    """
    if os.environ.get("WORLD_SIZE", "1") == "1":
        return
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is not None:
        mpi.Finalize()  # else mpiexec takes it for a crash
    _exit(status)


def _leave(error: Exception, place: Place, store: Store | None) -> NoReturn:
    """Not by way of `sys.exit`: MPI and process groups would wait for the other ranks."""
    is_mistake = isinstance(error, UserError)
    text = str(error) if is_mistake else "unforeseen error\n" + "".join(traceback.format_exception(error)).rstrip()
    who = _speaker(text, place, store, is_mistake=is_mistake)
    if who is not None:
        sys.stderr.write(f"nuweave: {who}{text}\n")
    status = error.exit_status if isinstance(error, UserError) else 1
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is not None:  # of ends without it, MPICH's mpiexec told one in four as a kill: the one of the other ranks
        _flush()
        mpi.COMM_WORLD.Abort(status)
    _exit(status)


def _exit(status: int) -> NoReturn:
    _flush()
    os._exit(status)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _speaker(text: str, place: Place, store: Store | None, *, is_mistake: bool) -> str | None:
    """Who says it: "" for all ranks, "rank 3: ", or None where another rank says the same or what led to it."""
    own = f"rank {place.rank}: "
    try:
        if store is None:  # those that are well come here too, and a launcher ends them only if all have met
            store, _ = meet(place, MEETING)
        key = f"error/{hashlib.sha256(text.encode()).hexdigest()}"
        is_first, is_first_such = store.add("error", 1) == 1, store.add(key, 1) == 1
        if not is_first_such or not (is_first or is_mistake):  # a rank that lost another one raises too
            time.sleep(3 * GRACE_S)  # the one that speaks may still count
            return None
        return "" if _all_raise(store, key) else own
    except (UserError, RuntimeError):  # no way to the others: rank 0 first, it may speak for all
        if place.rank > 0:
            time.sleep(GRACE_S)
            return own
        return ""


def _all_raise(store: Store, key: str) -> bool:
    """Whether all ranks count themselves under the key in time."""
    until = time.monotonic() + GRACE_S
    while time.monotonic() < until:
        if store.add(key, 0) == int(os.environ["WORLD_SIZE"]):
            return True
        time.sleep(GRACE_S / 20)
    return False
