"""`mpiexec` of HPE PALS (Polaris, Aurora): real MPI ranks, by MPICH's process manager, on nodes that are names.

Takes -n --ppn --depth --cpu-bind --envall --hostfile, each once, and refuses others; more ranks than the nodes have
places for; and a binding list with fewer entries than a node has ranks. Ranks find PALS_RANKID, PALS_LOCAL_RANKID,
PALS_NODEID, PALS_DEPTH and PMI_*, and the caller's environment with --envall only. Nothing is bound: the nodes of a
test share two cores. A line a launch goes to launches.jsonl. From: mpiexec in the HPE Cray PE documentation of PALS,
ALCF "Running Jobs on Polaris" and "Running Jobs on Aurora".
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from tests.fakes.pbs_server import refuse, state

RANK = """
export PALS_RANKID=$PMI_RANK PALS_LOCAL_RANKID=$MPI_LOCALRANKID PALS_NODEID=$((PMI_RANK / PPN)) PALS_DEPTH=$DEPTH
export PMI_LOCAL_RANK=$MPI_LOCALRANKID PMI_LOCAL_SIZE=$MPI_LOCALNRANKS
unset MPI_LOCALRANKID MPI_LOCALNRANKS PPN DEPTH PMI_HOSTNAME
exec "$@"
"""


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    nodefile = options.hostfile or os.environ.get("PBS_NODEFILE")
    if not nodefile:
        refuse("mpiexec", "no hostfile: not in a job of PBS", 1)
    hosts = list(dict.fromkeys(Path(nodefile).read_text().split()))
    _check(options, hosts)
    launch = {"job": os.environ.get("PBS_JOBID"), "hosts": hosts, **vars(options)}
    with (state() / "launches.jsonl").open("a") as log:
        log.write(json.dumps(launch) + "\n")
    hydra = str(Path(sys.executable).parent / "mpiexec.hydra")
    command = [hydra, "-rmk", "user", "-launcher", "fork", "-hosts", ",".join(hosts)]
    command += ["-ppn", str(options.ppn), "-n", str(options.n), "/bin/sh", "-c", RANK, "rank", *options.command]
    kept = os.environ if options.envall else {name: os.environ[name] for name in ("PATH", "HOME", "PBS_NODEFILE")}
    os.execve(hydra, command, {**kept, "PPN": str(options.ppn), "DEPTH": str(options.depth)})


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mpiexec", allow_abbrev=False)
    parser.add_argument("-n", "--np", dest="n", type=int, required=True)
    parser.add_argument("--ppn", type=int, required=True)
    parser.add_argument("--depth", type=int, default=1)
    parser.add_argument("--cpu-bind", default="none")
    parser.add_argument("--envall", action="store_true")
    parser.add_argument("--hostfile")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    if not options.command:
        parser.error("no command")
    return options


def _check(options: argparse.Namespace, hosts: list[str]) -> None:
    if options.n > options.ppn * len(hosts):
        refuse("mpiexec", f"{options.n} ranks do not fit {len(hosts)} hosts with {options.ppn} each", 1)
    kind, _, places = options.cpu_bind.partition(":")
    if kind not in ("none", "depth", "core", "numa", "list"):
        refuse("mpiexec", f"invalid cpu-bind {options.cpu_bind}", 1)
    if kind == "list" and len(places.split(":")) < options.ppn:
        refuse("mpiexec", f"cpu-bind list has no entry for each of {options.ppn} ranks of a node", 1)
