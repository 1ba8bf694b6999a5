"""What the run cost, and what it was made of."""

from __future__ import annotations

from nuweave.config import dump
from nuweave.report.figures.data import times_of_rules
from nuweave.report.figures.style import svg
from nuweave.report.gather import RULES, RunTables
from nuweave.report.provenance import Provenance
from nuweave.report.sections.blocks import Block, Grid, Part, integer, number


def performance_part(tables: RunTables) -> Part:
    """Time and memory of each rule."""
    times = tables.times
    if times.empty:
        return Part(
            "performance",
            "Performance",
            "Performance",
            [Block("", ["No times were written: the stages were run by hand, not by the workflow."])],
        )
    groups = times.groupby("rule")
    found = [str(rule) for rule in times["rule"].unique()]
    order = [*(rule for rule in RULES if rule in found), *sorted(set(found) - set(RULES))]
    seconds = groups["seconds"].sum().reindex(order)
    rows = [
        [
            rule,
            integer(groups.size()[rule]),
            number(float(seconds[rule]), 1),
            number(float(groups["seconds"].max()[rule]), 1),
            number(float(groups["peak_memory_mb"].max()[rule]), 0),
        ]
        for rule in order
    ]
    picture = svg(
        times_of_rules(seconds),
        alt="Bars of the time of each rule: " + ", ".join(f"{rule} {seconds[rule]:.3g} s" for rule in order) + ".",
        caption=f"Time of each rule, its jobs together; {seconds.sum():.0f} s in all. Jobs may have run side by side.",
    )
    grid = Grid("Rules", ["rule", "jobs", "time [s]", "longest job [s]", "peak memory [MB]"], rows)
    return Part("performance", "Performance", "Performance", [Block("", pictures=[picture], grids=[grid])])


def provenance_part(tables: RunTables, made_by: Provenance) -> Part:
    """Commit, versions, seeds, hashes, settings."""
    state = {None: "", True: " with changes that are not committed", False: ""}[made_by.dirty]
    facts = {
        "nuweave": made_by.version,
        "commit": f"{made_by.commit}{state}" if made_by.commit else "unknown (not run from a checkout)",
        "seed": str(tables.config.seed),
        "page written": made_by.written,
        "host": made_by.host,
        "system": made_by.system,
        "Python": made_by.python,
    }
    if tables.split is not None:
        facts["hash of the split"] = tables.split["catalog_sha256"]
    grids = [
        _models(tables),
        Grid("Packages", ["package", "version"], [[name, one] for name, one in made_by.versions.items()], folded=True),
    ]
    if tables.manifests:
        rows = [
            [str(one.get("source", one["shard"])), str(one.get("source_sha256", "unknown"))] for one in tables.manifests
        ]
        grids.append(Grid("Hashes of the source files (SHA-256)", ["source", "hash"], rows, folded=True))
    return Part("provenance", "Provenance", "Provenance", [Block("", facts=facts, grids=grids)])


def _models(tables: RunTables) -> Grid:
    """The code and seed behind each set of weights, which may be of another run."""
    rows = []
    for model in tables.models:
        meta = model.metrics["model"]
        commit = str(meta.get("commit") or "unknown")
        rows.append([model.name, str(meta.get("version", "unknown")), commit, str(meta.get("seed", "unknown"))])
    return Grid("Weights", ["model", "nuweave", "commit", "seed"], rows)


def settings_text(tables: RunTables) -> str:
    """The resolved configuration as YAML."""
    return dump(tables.config)
