"""`module use|load|list` of Lmod: knows the modules of the site, and refuses others in Lmod's words.

Loads nothing: it is a program, where the real one is a function of the shell. From: the Lmod User Guide.
"""

from __future__ import annotations

import sys

from tests.fakes.pbs_server import server


def main(arguments: list[str]) -> int:
    verb, *names = arguments or ["help"]
    if verb not in ("use", "load", "list"):
        sys.stderr.write(f"Lmod has detected the following error: unknown subcommand {verb}\n")
        return 1
    unknown = [name for name in names if name not in server()["modules"]] if verb == "load" else []
    if unknown:
        listed = " ".join(f'"{name}"' for name in unknown)
        sys.stderr.write(
            f"Lmod has detected the following error: The following module(s) are unknown: {listed}\n\n"
            f'Please check the spelling or version number. Also try "module spider ..."\n'
        )
    return int(bool(unknown))
