"""`nuweave bench ...`: one command a benchmark, and the tables that are made from their records.

As in `nuweave.cli`, what a command needs is imported inside of it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nuweave.bench.record import Record

bench_app = typer.Typer(no_args_is_help=True, help="Measure, on an idle machine; the README's tables are made from it.")


@bench_app.command("io")
def bench_io(
    json_file: Annotated[Path | None, typer.Option("--json", help="record to write: benchmarks/io.json")] = None,
    source: Annotated[
        Path | None, typer.Option("--source", help="larcv3 file of events to replicate; simulated ones without it")
    ] = None,
    events: Annotated[int, typer.Option("--events", help="events to make of them")] = 400,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="how often each way of reading is measured")] = 5,
) -> None:
    """Time larcv's queue, our readers and a copy of bytes on the same events (3 minutes, 4 GB of disk)."""
    from nuweave.bench.io import run_io

    _show(run_io(source=source, num_events=events, repeats=repeats, command=_command()), json_file)


@bench_app.command("convert")
def bench_convert(
    files: Annotated[
        list[str] | None, typer.Argument(help="simulations to read, of any format; FILE:VOLUME for one of several")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="record to write: benchmarks/convert.json")] = None,
    events: Annotated[int, typer.Option("--events", min=1, help="SBND events to convert with ranks")] = 400,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="how often each is measured")] = 5,
) -> None:
    """Time reading by each adapter, and one file converted by one rank and by two (3 minutes)."""
    from nuweave.bench.convert import run_convert

    record = run_convert(files=files or [], num_events=events, repeats=repeats, command=_command())
    _show(record, json_file)


@bench_app.command("model")
def bench_model(
    json_file: Annotated[Path | None, typer.Option("--json", help="record to write: benchmarks/model.json")] = None,
    source: Annotated[
        Path | None, typer.Option("--source", help="larcv3 file whose first event is taken; a simulated one without it")
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="rounds of each comparison")] = 5,
    threads: Annotated[int, typer.Option("--threads", min=1, help="threads of torch")] = 2,
) -> None:
    """Time our networks against plain torch, and active sites against whole images (6 minutes, 11 GB of memory)."""
    from nuweave.bench.model import run_model

    _show(run_model(source=source, repeats=repeats, num_threads=threads, command=_command()), json_file)


@bench_app.command("train")
def bench_train(
    json_file: Annotated[Path | None, typer.Option("--json", help="record to write: benchmarks/train.json")] = None,
    events: Annotated[int, typer.Option("--events", min=20, help="events to simulate")] = 100,
    steps: Annotated[int, typer.Option("--steps", min=2, help="steps that count, of each way to train")] = 8,
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, help="starts, checkpoints, and rounds of one rank and two")
    ] = 3,
) -> None:
    """Time steps on one rank and two: engines, precisions, scaling, exchange, checkpoints, start-up (10 minutes)."""
    from nuweave.bench.train import run_train

    _show(run_train(num_events=events, num_steps=steps, repeats=repeats, command=_command()), json_file)


@bench_app.command("simulate")
def bench_simulate(
    json_file: Annotated[Path | None, typer.Option("--json", help="record to write: benchmarks/simulate.json")] = None,
    events: Annotated[int, typer.Option("--events", min=2, help="events of each detector")] = 40,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="how often each way is timed")] = 5,
) -> None:
    """Time the way from a seed to a shard, and its parts, a detector each, on one core (4 minutes)."""
    from nuweave.bench.simulate import run_simulate

    _show(run_simulate(num_events=events, repeats=repeats, command=_command()), json_file)


@bench_app.command("dag")
def bench_dag(
    json_file: Annotated[Path | None, typer.Option("--json", help="record to write: benchmarks/dag.json")] = None,
    files: Annotated[int, typer.Option("--files", min=1, help="source files of the run")] = 5000,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="how often each plan is made")] = 3,
) -> None:
    """Time `snakemake -n` for thousands of files, before and after they are made; in the checkout (3 minutes)."""
    from nuweave.bench.dag import run_dag

    _show(run_dag(checkout=Path.cwd(), num_files=files, repeats=repeats, command=_command()), json_file)


@bench_app.command("table")
def bench_table(
    files: Annotated[list[Path] | None, typer.Argument(help="Markdown files with places for tables")] = None,
) -> None:
    """Write the tables of README.md and docs/ anew from the records in benchmarks/; run it in the checkout."""
    from nuweave.bench.record import read_record
    from nuweave.bench.table import fill_tables
    from nuweave.store import write_aside
    from nuweave.validate.record import read_validation
    from nuweave.validate.table import fill_quality

    documents = (
        "README.md",
        "docs/formats.md",
        "docs/loader.md",
        "docs/networks.md",
        "docs/physics.md",
        "docs/quality.md",
        "docs/scaling.md",
        "docs/sites/README.md",
    )
    for file in files or map(Path, documents):
        text = fill_tables(file.read_text(), lambda name: read_record(Path(name)))
        text = fill_quality(text, lambda name: read_validation(Path(name)))
        with write_aside(file) as aside:
            aside.write_text(text)
        typer.echo(file)


def _command() -> str:
    """The command line that repeats this run."""
    return f"nuweave {' '.join(sys.argv[1:])}"


def _show(record: Record, json_file: Path | None) -> None:
    """Print the table of a record, and write the record where a file is given."""
    from nuweave.bench.record import write_record
    from nuweave.bench.table import markdown

    typer.echo(markdown(record), nl=False)
    if json_file is not None:
        write_record(record, json_file)
