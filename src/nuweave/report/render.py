"""From saved tables to one page that opens without a network."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from nuweave.config import Config
from nuweave.report.figures.style import page_style
from nuweave.report.gather import RunTables, gather
from nuweave.report.provenance import Provenance, collect
from nuweave.report.sections.data import data_part
from nuweave.report.sections.events import events_part
from nuweave.report.sections.performance import performance_part, provenance_part, settings_text
from nuweave.report.sections.results import results_part
from nuweave.report.sections.summary import key_facts, model_cards
from nuweave.report.sections.training import training_part
from nuweave.store import write_aside


def write_report(config: Config, *, out: Path) -> None:
    """Write the page of a run.

    Args:
        config: of the run; its tables are read below config.root.
        out: index.html to write.
    Raises:
        StoreError: a table that the page cannot do without is missing or damaged.
    """
    page = render(gather(config), collect())
    with write_aside(out) as aside:
        aside.write_text(page, encoding="utf-8")


def render(tables: RunTables, made_by: Provenance) -> str:
    """The page as text; reads nothing."""
    with page_style():
        parts = [
            data_part(tables),
            training_part(tables),
            results_part(tables),
            events_part(tables),
            performance_part(tables),
            provenance_part(tables, made_by),
        ]
    environment = Environment(
        loader=PackageLoader("nuweave.report"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        title=tables.config.report.title,
        introduction=tables.config.report.introduction,
        run=tables.config.name,
        made_by=made_by,
        facts=key_facts(tables),
        cards=model_cards(tables),
        parts=parts,
        settings=settings_text(tables),
    )
