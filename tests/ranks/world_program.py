"""Run by two ranks: python world_program.py gather | mistake | error."""

from __future__ import annotations

import sys

from nuweave.config import UserError
from nuweave.ranks import World, all_ranks


def run(what: str, world: World) -> None:
    """Exchange; rank 1 fails where it is asked to."""

    def work() -> int:
        if world.rank == 1 and what == "mistake":
            raise UserError("rank 1 found b.h5 damaged; copy it again")
        return 10 * world.rank // (0 if world.rank == 1 and what == "error" else 1)

    given = world.together(work)
    sys.stdout.write(f"{world.rank}: {world.gather(given)}\n")


if __name__ == "__main__":
    try:
        with all_ranks() as world:
            run(sys.argv[1], world)
    except UserError as error:
        sys.stderr.write(f"nuweave: {error}\n")
        sys.exit(error.exit_status)
