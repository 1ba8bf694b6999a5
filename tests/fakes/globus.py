"""`globus whoami`, `transfer`, `task wait` and `task cancel` of the Globus command line client, and a service behind.

Imitates globus-cli 3.44 (its source): a transfer is submitted with SOURCE and DESTINATION as UUID:PATH and prints a
task as JSON; the task is waited for, exit status 0 if it succeeded, else 1 with the task as JSON; without a login every
command ends with status 4. Collections are directories here, and the copy is made at once. Leaves out batches,
synchronisation, deadlines, retries after passing faults, and every other command.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Literal

from tests.clone import CHECKOUT

WRAPPER = """#!/bin/sh
export FAKE_GLOBUS={state}
exec {python} -ESc 'import sys
sys.path.insert(0, "{checkout}")
from tests.fakes import globus
sys.exit(globus.main(sys.argv[1:]))' "$@"
"""
NO_LOGIN = "MissingLoginError: Missing login for Globus {service}.\nPlease run:\n\n  globus login\n"
LOST = "The connection to the source was lost"

Fault = Literal["none", "fails midway", "damages", "hangs"]


class FakeGlobus:
    """The service: `bin` belongs before PATH.

    Args:
        directory: an empty one.
        collections: UUID -> the directory that it shows as `/`.
    """

    def __init__(self, directory: Path, collections: dict[str, Path]) -> None:
        self.bin, self._state = directory / "bin", directory / "state"
        self.bin.mkdir(parents=True)
        self._state.mkdir()
        self._collections = {name: str(path) for name, path in collections.items()}
        self.configure()
        script = self.bin / "globus"
        script.write_text(WRAPPER.format(state=self._state, python=sys.executable, checkout=CHECKOUT))
        script.chmod(0o755)

    def configure(self, *, fault: Fault = "none", logged_in: bool = True) -> None:
        """What happens from now on."""
        values = {"fault": fault, "logged_in": logged_in, "collections": self._collections}
        (self._state / "service.json").write_text(json.dumps(values))

    def calls(self) -> list[list[str]]:
        """The commands so far."""
        file = self._state / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def main(arguments: list[str]) -> int:
    state = Path(os.environ["FAKE_GLOBUS"])
    with (state / "calls.jsonl").open("a") as file:
        file.write(json.dumps(arguments) + "\n")
    service = json.loads((state / "service.json").read_text())
    if not service["logged_in"]:
        sys.stderr.write(NO_LOGIN.format(service="Auth" if arguments == ["whoami"] else "Transfer"))
        return 4
    if arguments == ["whoami"]:
        sys.stdout.write("physicist@example.org\n")
    elif arguments[0] == "transfer":
        return _transfer(state, service, arguments[1], arguments[2])
    elif arguments[:2] == ["task", "wait"]:
        task = json.loads((state / arguments[2]).read_text())
        while task["status"] == "ACTIVE":
            time.sleep(0.05)
        sys.stdout.write(json.dumps(task) + "\n")
        return int(task["status"] != "SUCCEEDED")
    elif arguments[:2] == ["task", "cancel"]:
        sys.stdout.write("The task has been cancelled successfully.\n")
    else:
        sys.stderr.write(f"Error: No such command '{arguments[0]}'.\n")
        return 2
    return 0


def _transfer(state: Path, service: dict[str, Any], source: str, destination: str) -> int:
    """Copy a file, well or badly, and print the submission."""
    (from_name, from_path), (to_name, to_path) = (text.split(":", 1) for text in (source, destination))
    for name in (from_name, to_name):
        if name not in service["collections"]:
            sys.stderr.write(f"Globus CLI Error: A Transfer API Error Occurred.\nNo such collection {name}\n")
            return 1
    original = Path(service["collections"][from_name] + from_path)
    copy = Path(service["collections"][to_name] + to_path)
    task: dict[str, Any] = {"status": "SUCCEEDED", "fatal_error": None}
    if not original.is_file():
        task = {"status": "FAILED", "fatal_error": {"code": "FILE_NOT_FOUND", "description": "No such file"}}
    else:
        content = original.read_bytes()
        half = len(content) // 2
        if service["fault"] == "fails midway":
            content = content[:half]
            task = {"status": "FAILED", "fatal_error": {"code": "CONNECTION_LOST", "description": LOST}}
        elif service["fault"] == "hangs":
            task["status"], content = "ACTIVE", content[:half]
        elif service["fault"] == "damages":
            content = content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :]
        copy.write_bytes(content)
    task_id = f"00000000-0000-4000-8000-{len(list(state.iterdir())):012d}"
    (state / task_id).write_text(json.dumps(task))
    sys.stdout.write(json.dumps({"code": "Accepted", "task_id": task_id}) + "\n")
    return 0
