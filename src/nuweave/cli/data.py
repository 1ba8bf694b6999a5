"""Commands that make, check and measure data; as in `nuweave.cli`, what they need is imported inside of them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from nuweave.cli.options import ConfigFile, Files, Out
from nuweave.config import load

data_app = typer.Typer()


@data_app.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="edep-sim HDF5 file to write")],
    config: ConfigFile,
    file: Annotated[int, typer.Option("--file", help="number of the file; with the seed it fixes every event")],
) -> None:
    """Generate one file of events with the embedded generator."""
    from nuweave.physics.detectors import get_detector
    from nuweave.simulate import simulate_file

    settings = load(config)
    simulate_file(
        out, settings=settings.simulate, detector=get_detector(settings.detector), seed=settings.seed, file=file
    )
    typer.echo(f"{out}: {settings.simulate.events_per_file} events")


@data_app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="simulation file")],
    shard: Annotated[Path, typer.Argument(help="larcv3 shard to write; its manifest gets the suffix .json")],
    config: ConfigFile,
    run: Annotated[int, typer.Option("--run", help="number of the source file, the first part of every event's key")],
) -> None:
    """Convert one simulation file to a larcv3 shard and its manifest; ranks of `mpiexec -n N` share its events."""
    from nuweave.convert import convert_file
    from nuweave.convert.progress import progress_line
    from nuweave.physics.detectors import get_detector
    from nuweave.ranks import all_ranks

    settings = load(config)
    detector = get_detector(settings.detector)
    with all_ranks() as world, progress_line(f"convert {source.name}", is_shown=world.rank == 0) as advance:
        manifest = convert_file(
            source, shard, settings=settings.convert, detector=detector, run=run, world=world, advance=advance
        )
    if world.rank == 0:
        typer.echo(f"{shard}: {json.dumps(manifest)}")


@data_app.command("inspect")
def inspect_command(
    file: Annotated[Path, typer.Argument(help="simulation file, of any format that nuweave reads")],
    volume: Annotated[str | None, typer.Option("--volume", help="sensitive detector to read, of several")] = None,
    events: Annotated[int, typer.Option("--events", min=0, help="events to show")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="print it as JSON")] = False,
) -> None:
    """Name the format of a file, the truth that it provides, and what its first events hold."""
    from nuweave.convert.inspect import find_format, inspect_file, lines

    adapter = find_format(file)
    if not as_json:
        typer.echo(f"convert.adapter: {adapter}")
    found = inspect_file(file, adapter, volume=volume, num_events=events)
    typer.echo(json.dumps(asdict(found), indent=2) if as_json else "\n".join(lines(found)))


@data_app.command()
def catalog(shards: Files, out: Out) -> None:
    """Make the table with a row for every event."""
    from nuweave.catalog import build_catalog, write

    table = build_catalog(shards)
    write(table, out)
    typer.echo(f"{out}: {len(table)} events of {len(shards)} shards")


@data_app.command()
def split(
    catalog: Annotated[Path, typer.Argument(help="catalog.parquet")],
    config: ConfigFile,
    out: Out,
    report: Annotated[Path, typer.Option("--report", help="split.json to write: counts before and after")],
) -> None:
    """Split the catalogued events into train, validation and test parts."""
    from nuweave.catalog import make_split, read, write
    from nuweave.store import write_aside

    settings = load(config)
    events, summary = make_split(read(catalog), settings=settings.split, seed=settings.seed)
    with write_aside(report) as aside:
        aside.write_text(json.dumps(summary, indent=2) + "\n")
    write(events, out)
    typer.echo(f"{out}: {events['part'].value_counts().to_dict()}")


@data_app.command()
def pack(
    events: Annotated[Path, typer.Argument(help="splits.parquet, or catalog.parquet for the part 'all'")],
    config: ConfigFile,
    part: Annotated[str, typer.Option("--part", help="train, val, test; or all")],
    out: Out,
) -> None:
    """Gather the events of one part in one compact, shuffled, larcv3-readable file."""
    from nuweave.catalog import pack_part, read

    settings = load(config)
    table = read(events)
    chosen = table if part == "all" else table[table["part"] == part]
    pack_part(chosen, out, seed=settings.seed, shuffle=part != "all")
    typer.echo(f"{out}: {len(chosen)} events")


@data_app.command("data-quality")
def data_quality(
    packed: Annotated[list[Path], typer.Argument(help="packed files, each named as its part")],
    catalog: Annotated[Path, typer.Option("--catalog", help="catalog.parquet")],
    out: Out,
    splits: Annotated[
        Path | None, typer.Option("--splits", help="splits.parquet; without it all events are in the part 'all'")
    ] = None,
) -> None:
    """Look for leaks between parts and duplicates, and measure balance and visible energy, for the report."""
    from nuweave.catalog import measure_quality, read, read_packed
    from nuweave.store import write_aside

    parts = None if splits is None else read(splits)
    found = measure_quality(read(catalog), parts, read_packed(packed))
    with write_aside(out) as aside:
        aside.write_text(json.dumps(found, indent=2) + "\n")
    for row in found["checks"]:
        value = "" if row["value"] is None else f"{row['value']} (at most {row['high']}) "
        typer.echo(f"{row['check']}: {row['quantity']}: {value}{row['note'] or ''}".rstrip())


@data_app.command()
def repack(
    files: Files,
    out: Out,
    layout: Annotated[
        Literal["contiguous", "archive"], typer.Option("--layout", help="contiguous is fast to read, archive is small")
    ] = "contiguous",
    seed: Annotated[int, typer.Option("--seed", help="fixes the new order of the events")] = 0,
    keep_order: Annotated[bool, typer.Option("--keep-order", help="leave the events in their order")] = False,
) -> None:
    """Gather all events of larcv3 files in one compact, shuffled, larcv3-readable file with checksums."""
    from nuweave.store.repack import every_event, repack, shuffled

    picks = every_event(files)
    repack(files, picks if keep_order else shuffled(picks, seed=seed), out, layout=layout)
    typer.echo(f"{out}: {len(picks)} events of {len(files)} files")


@data_app.command()
def check(
    files: Files,
    as_json: Annotated[bool, typer.Option("--json", help="print one list of faults as JSON")] = False,
    classes: Annotated[int, typer.Option("--classes", help="labels are whole numbers below it", min=1)] = 3,
) -> None:
    """Read all of each file and name every fault; the exit status is 1 if there is any."""
    from nuweave.store import Fault
    from nuweave.store.check import check_file, describe

    found: list[Fault] = []
    for file in files:
        before = len(found)
        for fault in check_file(file, num_classes=classes):
            found.append(fault)
            if not as_json:
                typer.echo(fault)
        if len(found) == before and not as_json:
            typer.echo(f"{file}: is right: {describe(file)}")
    if as_json:
        rows = [(str(one.path), one.product, one.event, one.what, one.remedy) for one in found]
        keys = ("file", "product", "event", "what", "remedy")
        typer.echo(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=2))
    if found:
        raise typer.Exit(1)


@data_app.command("larcv-check")
def larcv_check(
    files: Files,
    json_file: Annotated[Path | None, typer.Option("--json", help="file to write: counts and differences")] = None,
) -> None:
    """Compare what larcv itself reads from files with what we read, bit for bit; `make larcv` builds it."""
    from nuweave.crosscheck import check
    from nuweave.store import write_aside

    comparisons = []
    for file in files:
        comparisons.append(check(file))
        for line in comparisons[-1].differences or comparisons[-1:]:
            typer.echo(line)
    if json_file is not None:
        with write_aside(json_file) as aside:
            aside.write_text(json.dumps([asdict(one) for one in comparisons], indent=2, default=str) + "\n")
    if any(one.differences for one in comparisons):
        raise typer.Exit(1)


@data_app.command()
def validate(
    reference: Annotated[
        Path | None, typer.Option("--reference", help="larcv3 file of real SBND events to compare images with")
    ] = None,
    network: Annotated[
        list[Path] | None,
        typer.Option("--network", help="metrics.json of a segmentation network on real events; may be given again"),
    ] = None,
    edepsim: Annotated[
        list[Path] | None, typer.Option("--edepsim", help="file of energy deposits of muons; may be given again")
    ] = None,
    volume: Annotated[
        str | None, typer.Option("--volume", help="sensitive detector to read, where such a file has several")
    ] = None,
    events: Annotated[
        int, typer.Option("--events", min=2, help="SBND events to simulate, and to read of each file at most")
    ] = 50,
    seed: Annotated[int, typer.Option("--seed", help="of all that is simulated")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="file to write: rows and histograms")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="exit status 1 if a value is not within its limits")] = False,
) -> None:
    """Measure the simulation against reference values and real events, and print the table of docs/quality.md."""
    from nuweave.report.provenance import commit_of
    from nuweave.validate.record import Validation, write_validation
    from nuweave.validate.run import run_checks
    from nuweave.validate.table import markdown

    found = run_checks(
        reference=reference,
        networks=network or [],
        edepsim=edepsim or [],
        volume=volume,
        num_events=events,
        seed=seed,
    )
    commit, dirty = commit_of(Path(__file__).resolve().parent)
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    validation = Validation(commit, dirty, date, f"nuweave {' '.join(sys.argv[1:])}", found.rows, found.figures)
    typer.echo(markdown(validation), nl=False)
    if json_file is not None:
        write_validation(validation, json_file)
    if strict and any(row.held is False for row in found.rows):
        raise typer.Exit(1)


@data_app.command()
def shift(
    a: Annotated[Path, typer.Argument(help="larcv3 file with images: a shard, a packed file, CosmicTagger's")],
    b: Annotated[Path, typer.Argument(help="another one, with images of the same size")],
    json_file: Annotated[Path | None, typer.Option("--json", help="file to write")] = None,
    events: Annotated[int, typer.Option("--events", min=1, help="events to compare, of each file at most")] = 500,
    seed: Annotated[int, typer.Option("--seed", help="of the classifier")] = 1,
) -> None:
    """Print how far apart two samples of images are: distances of figures, and what a classifier makes of them."""
    from nuweave.store import write_aside
    from nuweave.validate.shift import as_text, compare_files

    found = compare_files(a, b, num_events=events, seed=seed)
    typer.echo(as_text(found))
    if json_file is not None:
        with write_aside(json_file) as aside:
            aside.write_text(json.dumps(asdict(found), indent=2) + "\n")
