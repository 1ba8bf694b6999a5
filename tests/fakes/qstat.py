"""`qstat -f -F json [-x] ID...` and `qstat -B` of PBS Pro: jobs in its JSON, finished ones with -x only.

A test can make it fail a number of times, as a server that is busy (file flaps). From: qstat in the PBS Professional
User's Guide, and its answers in public reports.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from tests.fakes.pbs_server import FINISHED, UNKNOWN_JOB, all_jobs, full_id, locked, refuse, server_name, state


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="qstat", allow_abbrev=False)
    parser.add_argument("-x", action="store_true")
    parser.add_argument("-f", action="store_true")
    parser.add_argument("-F", choices=("json",))
    parser.add_argument("-B", action="store_true")
    parser.add_argument("ids", nargs="*")
    options = parser.parse_args(arguments)
    if _flaps():
        refuse("qstat", f"cannot connect to server {server_name()} (errno=15010)", 1)
    if options.B:
        sys.stdout.write(f"Server  Max  Tot  Que  Run  Status\n{server_name()}  0  0  0  0  Active\n")
        return 0
    if not (options.f and options.F):
        parser.error("this stand-in knows -f -F json and -B")
    jobs, shown, status = all_jobs(), {}, 0
    for job_id in [full_id(given) for given in options.ids] or list(jobs):
        if job_id not in jobs:
            sys.stderr.write(f"qstat: Unknown Job Id {job_id}\n")
            status = UNKNOWN_JOB
        elif jobs[job_id]["job_state"] != "F" or options.x:
            shown[job_id] = jobs[job_id]
        elif options.ids:
            sys.stderr.write(f"qstat: {job_id} Job has finished, use -x or -H to obtain historical job information\n")
            status = FINISHED
    if shown:
        answer = {"timestamp": int(time.time()), "pbs_version": "2022.1", "pbs_server": server_name(), "Jobs": shown}
        sys.stdout.write(json.dumps(answer, indent=4) + "\n")
    return status


def _flaps() -> bool:
    """Whether the server is to fail once more."""
    file = state() / "flaps"
    with locked():
        left = int(file.read_text()) if file.exists() else 0
        if left:
            file.write_text(str(left - 1))
    return left > 0
