"""`qselect -u USER` of PBS Pro: ids of the user's jobs that have not finished. From: the PBS User's Guide."""

from __future__ import annotations

import argparse
import sys

from tests.fakes.pbs_server import LIVE, all_jobs


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="qselect", allow_abbrev=False)
    parser.add_argument("-u", required=True)
    user = parser.parse_args(arguments).u
    for job_id, job in all_jobs().items():
        if job["job_state"] in LIVE and job["Job_Owner"].split("@")[0] == user:
            sys.stdout.write(f"{job_id}\n")
    return 0
