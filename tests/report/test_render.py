"""The page as a browser would take it."""

from __future__ import annotations

import base64
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nuweave.config import Config
from nuweave.report.figures.style import page_style
from nuweave.report.gather import gather
from nuweave.report.render import write_report
from nuweave.report.sections.data import data_part
from nuweave.report.sections.performance import performance_part
from tests.report.conftest import make_run

SECTIONS = ["summary", "data", "training", "results", "events", "performance", "provenance"]


class Page(HTMLParser):
    """Addresses, pictures and anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.pictures: list[dict[str, str]] = []
        self.anchors: list[str] = []
        self.text = text
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.addresses += [named[name] for name in ("src", "href", "srcset", "data", "action") if name in named]
        self.anchors += [named["id"]] if "id" in named else []
        if tag == "img":
            self.pictures.append(named)


def page_of(config: Config, out: Path) -> Page:
    write_report(config, out=out)
    return Page(out.read_text())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page of a run that trained."""
    directory = tmp_path_factory.mktemp("page")
    return page_of(make_run(directory), directory / "report" / "index.html")


def test_page_is_complete_and_needs_no_network(page: Page) -> None:
    assert len(page.text.encode()) < 15e6
    assert [anchor for anchor in page.anchors if anchor in SECTIONS] == SECTIONS
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    assert "@import" not in page.text
    assert "url(" not in page.text
    links = {address[1:] for address in page.addresses if address.startswith("#")}
    assert links <= set(page.anchors)
    assert len(page.anchors) == len(set(page.anchors))


def test_every_picture_says_what_it_shows(page: Page) -> None:
    assert len(page.pictures) > 20
    assert all(len(picture["alt"]) > 20 for picture in page.pictures)
    for picture in page.pictures:
        kind, data = picture["src"].split(";base64,")
        starts = {"data:image/png": b"\x89PNG", "data:image/svg+xml": b"<?xml"}
        assert base64.b64decode(data).startswith(starts[kind])


def test_headlines_verdicts_and_events_are_on_the_page(page: Page) -> None:
    for text in (
        "Small &lt;run&gt;",
        "0.700 ± 0.010",
        "0.400 (all cosmic)",
        "+0.300 ± 0.020",
        "beats every trivial baseline",
        "does not beat every trivial baseline",
        "overfit check passed",
        "tagger: best event 0/0/3",
        "cd" * 32,
        "results:",  # the resolved configuration
    ):
        assert text in page.text, text


def test_run_that_trained_nothing_says_so(weights_config: Config, tmp_path: Path) -> None:
    page = page_of(weights_config, tmp_path / "index.html")
    assert "Nothing was trained in this run" in page.text
    assert "Nothing was split" in page.text
    assert "not trained in this run" in page.text
    assert [anchor for anchor in page.anchors if anchor in SECTIONS] == SECTIONS


def test_stages_run_by_hand_leave_no_times_and_no_manifests(config: Config) -> None:
    for path in [*(config.root / "benchmarks").iterdir(), *(config.root / "shards").iterdir()]:
        path.unlink()
    tables = gather(config)
    with page_style():
        assert "No times were written" in performance_part(tables).blocks[0].text[0]
        assert "no shard manifests" in data_part(tables).blocks[0].text[0]


def test_report_imports_neither_torch_nor_the_rooms_that_made_the_tables() -> None:
    banned = ("torch", "nuweave.evaluate", "nuweave.catalog", "nuweave.loader")
    code = f"import sys, nuweave.report; print([name for name in {banned} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
