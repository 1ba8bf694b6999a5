"""`qdel ID...` of PBS Pro: jobs end with Exit_status 271; returns when the server knows, not when they have ended.

From: qdel in the PBS Professional User's Guide.
"""

from __future__ import annotations

import sys

from tests.fakes.pbs_server import FINISHED, UNKNOWN_JOB, all_jobs, full_id, locked, state, write_job


def main(arguments: list[str]) -> int:
    status = 0
    for job_id in map(full_id, arguments):
        with locked():
            jobs = all_jobs()
            if job_id not in jobs:
                sys.stderr.write(f"qdel: Unknown Job Id {job_id}\n")
                status = UNKNOWN_JOB
            elif jobs[job_id]["job_state"] == "F":
                sys.stderr.write(f"qdel: Job has finished {job_id}\n")
                status = FINISHED
            elif jobs[job_id]["job_state"] == "H":
                write_job(job_id, jobs[job_id] | {"job_state": "F", "substate": 91})
            else:
                (state() / "deleted" / job_id).touch()
    return status
