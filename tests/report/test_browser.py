"""The page in a real browser: every picture is drawn, nothing sticks out on a narrow screen, scripts raise nothing."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from nuweave.report.render import write_report
from tests.report.conftest import make_run

pytestmark = pytest.mark.browser

PROBE = """<script>
const errors = [];
addEventListener('error', event => errors.push(String(event.message)));
addEventListener('load', () => {
  for (const part of document.querySelectorAll('details')) part.open = true;
  document.body.dataset.probe = JSON.stringify({
    pictures: [...document.images].map(image => image.naturalWidth),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    errors,
  });
});
</script></body>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with a probe that tells what the browser made of it."""
    directory = tmp_path_factory.mktemp("browser")
    out = directory / "index.html"
    write_report(make_run(directory), out=out)
    text = out.read_text()
    assert "</body>" in text
    out.write_text(text.replace("</body>", PROBE))
    return out


def chromium(page: Path, *arguments: str) -> str:
    """What headless Chromium prints."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "needs chromium: apt-get install chromium"
    quiet = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command = [
        program,
        "--headless",
        "--no-sandbox",
        "--no-first-run",
        *quiet,
        f"--user-data-dir={page.parent / 'profile'}",
        *arguments,
        page.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.parametrize("width", [500, 1280])
def test_every_picture_is_drawn_and_nothing_sticks_out(page: Path, width: int) -> None:
    found = re.search(r'data-probe="([^"]*)"', chromium(page, f"--window-size={width},900", "--dump-dom"))
    assert found
    probe: dict[str, Any] = json.loads(html.unescape(found[1]))
    assert len(probe["pictures"]) > 10
    assert min(probe["pictures"]) > 0
    assert probe["overflow"] <= 0
    assert probe["errors"] == []


def test_the_page_is_not_blank(page: Path) -> None:
    shot = page.parent / "shot.png"
    chromium(page, "--window-size=1200,3000", f"--screenshot={shot}")
    pixels = matplotlib.image.imread(shot)
    assert pixels.shape[:2] == (3000, 1200)
    assert len(np.unique(pixels[..., :3].reshape(-1, 3), axis=0)) > 100
