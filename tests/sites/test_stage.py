"""Published files come whole or not at all, and what cannot be fetched is named with its place."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nuweave.cli import app
from nuweave.config import Config, ConfigError, UserError, dump, parse
from nuweave.sites import SiteError
from nuweave.sites.globus import here
from nuweave.sites.stage import require_possible, stage
from nuweave.store.files import DiskError, StoreError
from tests.clone import take_interrupts
from tests.fakes.cluster import wait_until
from tests.fakes.globus import FakeGlobus, Fault

PROVIDER, MACHINE = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
CONTENT = {"a.h5": b"first file", "b.h5": b"second file"}


class Place:
    """A provider, a machine with the client of Globus, and a run that wants two files."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data, self.root = directory / "machine" / "data", directory / "results" / "t"
        provided = directory / "provider" / "v1"
        for path in (provided, self.data):
            path.mkdir(parents=True)
        for name, content in CONTENT.items():
            (provided / name).write_bytes(content)
        self.globus = FakeGlobus(
            directory / "globus", {PROVIDER: directory / "provider", MACHINE: directory / "machine"}
        )
        monkeypatch.setenv("PATH", f"{self.globus.bin}:{os.environ['PATH']}")
        monkeypatch.setenv("NUWEAVE_GLOBUS_ENDPOINT", f"{MACHINE}:{directory / 'machine'}")
        self._results = str(directory / "results")

    def config(self, **dataset: Any) -> Config:
        """The run; what is given goes into its dataset."""
        files = {name: {"bytes": len(text), "sha256": digest(name)} for name, text in CONTENT.items()}
        common = {"title": "Two files", "citation": "doi:10.1000/1", "globus_endpoint": PROVIDER, "path": "/v1"}
        return parse(
            {
                "name": "t",
                "results": self._results,
                "data_dir": str(self.data),
                "dataset": common | {"files": files} | dataset,
            }
        )

    def left(self) -> list[str]:
        """What lies in data_dir, hidden or not."""
        return sorted(path.name for path in self.data.iterdir())


def digest(name: str) -> str:
    """SHA-256 of one of the files."""
    return hashlib.sha256(CONTENT[name]).hexdigest()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Globus works, nothing is staged."""
    return Place(tmp_path, monkeypatch)


def test_a_missing_file_is_fetched_checked_and_then_left_alone(place: Place) -> None:
    assert stage(place.config(), "a.h5") == "fetched, is right"
    assert (place.data / "a.h5").read_bytes() == CONTENT["a.h5"]
    assert place.left() == ["a.h5"]
    assert (place.root / "staged/a.json").exists()
    calls = place.globus.calls()
    assert calls[1][1] == f"{PROVIDER}:/v1/a.h5"
    assert calls[1][2].startswith(f"{MACHINE}:/data/.a.h5.")
    assert stage(place.config(), "a.h5") == "is right, as found before"
    assert place.globus.calls() == calls


def test_a_file_that_was_put_there_by_hand_needs_no_globus(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUWEAVE_GLOBUS_ENDPOINT")
    (place.data / "a.h5").write_bytes(CONTENT["a.h5"])
    assert stage(place.config(), "a.h5") == "is right"
    assert place.globus.calls() == []


def test_a_checked_file_is_not_read_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    stage(place.config(), "a.h5")
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert stage(place.config(), "a.h5") == "is right, as found before"


@pytest.mark.parametrize(
    ("content", "what"), [(b"short", "has 5 bytes"), (b"first filE", "its sha256 is [0-9a-f]{64}")]
)
def test_a_wrong_file_is_named_and_neither_used_nor_overwritten(place: Place, content: bytes, what: str) -> None:
    (place.data / "a.h5").write_bytes(content)
    with pytest.raises(StoreError, match=rf"/a.h5: {what}, the published file has .*; move it away, and stage again$"):
        stage(place.config(), "a.h5")
    assert (place.data / "a.h5").read_bytes() == content
    assert not (place.root / "staged").exists()
    assert place.globus.calls() == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            "fails midway",
            r"^globus task wait failed \(FAILED: The connection to the source was lost\); start again, or put",
        ),
        ("damages", r"/a.h5: came damaged and was removed; stage again \(.*its sha256 is "),
    ],
)
def test_a_bad_transfer_leaves_nothing_and_the_next_start_mends_it(place: Place, fault: Fault, message: str) -> None:
    place.globus.configure(fault=fault)
    with pytest.raises(UserError, match=message):
        stage(place.config(), "a.h5")
    assert place.left() == []
    place.globus.configure()
    assert stage(place.config(), "a.h5") == "fetched, is right"


def test_an_interrupted_transfer_is_cancelled(place: Place, tmp_path: Path) -> None:
    place.globus.configure(fault="hangs")
    (tmp_path / "c.yaml").write_text(dump(place.config()))
    command = [sys.executable, "-m", "nuweave.cli", "stage", "a.h5", "--config", str(tmp_path / "c.yaml")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=take_interrupts) as process:
        wait_until(lambda: place.globus.calls()[-1:] and place.globus.calls()[-1][:2] == ["task", "wait"])
        process.send_signal(signal.SIGINT)
        assert process.wait(30) != 0
    assert place.globus.calls()[-1][:2] == ["task", "cancel"]
    assert place.left() == []


def by_hand(place: Place, source: str) -> str:
    """How a message ends that names both files."""
    files = ", ".join(f"{name} ({len(text)} bytes, sha256 {digest(name)})" for name, text in CONTENT.items())
    return f"or put into {place.data}, from {source}: {files}"


def missing(place: Place, config: Config) -> str:
    """The message of a start with both files missing, which is that of staging one of them."""
    with pytest.raises(SiteError) as start:
        require_possible(config)
    with pytest.raises(SiteError) as one:
        stage(config, "a.h5")
    assert place.left() == []
    assert str(one.value).split("; or put")[0].replace("1 of", "2 of") == str(start.value).split("; or put")[0]
    return str(start.value)


def test_without_a_way_the_message_says_which_file_to_put_where(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    head = f"{place.data}: 2 of the files of Two files missing: "
    tail = by_hand(place, f"Globus {PROVIDER}:/v1 (doi:10.1000/1)")
    place.globus.configure(logged_in=False)
    reason = "MissingLoginError: Missing login for Globus Auth. Please run: globus login"
    assert missing(place, place.config()) == f"{head}globus whoami failed ({reason}); {tail}"
    monkeypatch.delenv("NUWEAVE_GLOBUS_ENDPOINT")
    no_variable = "NUWEAVE_GLOBUS_ENDPOINT is not set; give it the UUID of the Globus collection of this machine"
    assert missing(place, place.config()) == f"{head}{no_variable}; {tail}"
    monkeypatch.setenv("NUWEAVE_GLOBUS_ENDPOINT", MACHINE)
    monkeypatch.setenv("PATH", "/nowhere")
    assert missing(place, place.config()) == f"{head}the program globus is not found; install globus-cli; {tail}"
    text = missing(place, place.config(globus_endpoint=None, path=None))
    assert text == f"{head}the dataset names no Globus collection; {by_hand(place, 'doi:10.1000/1')}"


def test_of_many_missing_files_the_first_are_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUWEAVE_GLOBUS_ENDPOINT")
    files = {f"{number}.h5": {"bytes": 7} for number in range(8)}
    with pytest.raises(SiteError, match=r"4.h5 \(7 bytes\) and 3 more of dataset.files$"):
        require_possible(place.config(files=files))


def test_a_start_refuses_wrong_and_changed_files_but_not_used_ones_that_are_gone(place: Place) -> None:
    config = place.config()
    require_possible(config)
    for name in CONTENT:
        stage(config, name)
    (place.data / "b.h5").write_bytes(CONTENT["b.h5"].upper())
    with pytest.raises(StoreError, match=r"b.h5: was changed since it was found right; .*: rm .*/staged/b.json$"):
        require_possible(config)
    (place.data / "b.h5").write_bytes(b"short")
    with pytest.raises(StoreError, match=r"b.h5: has 5 bytes, the published file has 11"):
        require_possible(config)
    shutil.rmtree(place.data)
    require_possible(config)


def test_a_disk_that_does_not_take_the_file_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 0, 9))
    with pytest.raises(StoreError, match=r"a.h5: needs 10 bytes, the disk has 9; free space, and start again"):
        stage(place.config(), "a.h5")
    shutil.rmtree(place.data)
    place.data.write_text("a file where the directory should be")
    with pytest.raises(DiskError, match=r"a.h5: cannot be written \(.*\); free space or choose another place"):
        stage(place.config(), "a.h5")


def test_the_collection_of_this_machine_is_a_uuid_and_what_it_shows(tmp_path: Path) -> None:
    assert str(here({"NUWEAVE_GLOBUS_ENDPOINT": MACHINE}).path_of(tmp_path / "a")) == str(tmp_path / "a")
    mine = here({"NUWEAVE_GLOBUS_ENDPOINT": f"{MACHINE}:{tmp_path}"})
    assert str(mine.path_of(tmp_path / "data/a")) == "/data/a"
    with pytest.raises(SiteError, match=r"is not below .*, which NUWEAVE_GLOBUS_ENDPOINT names; set data_dir below it"):
        mine.path_of(tmp_path.parent)
    with pytest.raises(SiteError, match="NUWEAVE_GLOBUS_ENDPOINT=dtn: must be UUID or UUID:/DIRECTORY"):
        here({"NUWEAVE_GLOBUS_ENDPOINT": "dtn"})


def test_a_wrong_path_at_the_provider_is_the_reason_given(place: Place) -> None:
    with pytest.raises(SiteError, match=r"failed \(FAILED: No such file\); start again, or put into"):
        stage(place.config(path="/v2"), "a.h5")
    with pytest.raises(SiteError, match=rf"globus transfer failed \(.*No such collection {PROVIDER[:-1]}c\)"):
        stage(place.config(globus_endpoint=f"{PROVIDER[:-1]}c"), "a.h5")


def test_names_that_cannot_be_staged_are_refused(place: Place) -> None:
    with pytest.raises(ConfigError, match=r"dataset.files: Two files has no file c.h5; it has a.h5, b.h5"):
        stage(place.config(), "c.h5")
    with pytest.raises(ConfigError, match="demo has none, so nothing can be staged"):
        stage(Config(), "a.h5")


def test_the_command_stages_all_or_the_named(place: Place, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(dump(place.config()))
    run = ["stage", "--config", str(tmp_path / "c.yaml")]
    assert f"{place.data / 'b.h5'}: fetched, is right\n" in CliRunner().invoke(app, [*run, "b.h5"]).output
    output = CliRunner().invoke(app, [*run, "--all"]).output
    assert f"{place.data / 'a.h5'}: fetched, is right\n" in output
    assert f"{place.data / 'b.h5'}: is right, as found before\n" in output
    assert "name files of the dataset, or give --all" in str(CliRunner().invoke(app, run).exception)
