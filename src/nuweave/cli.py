"""One command a stage. Each rule of the workflow calls one of them; each can be run by hand.

Rooms are imported inside the commands, so that `nuweave --help` needs neither torch nor matplotlib.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from nuweave import __version__
from nuweave.bench.commands import bench_app
from nuweave.config import Config, ConfigError, ModelConfig, UserError, load

# threads that wait must sleep: spinning ones starve the other ranks of a small machine. Read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# a rank that leaves with an error says why: no stack of C++ from each that loses it. Read when torch is imported, too.
os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")

UNFINISHED = 85  # exit status of a training that saved its state and left: run it again and it goes on

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, help=__doc__.split("\n")[0]
)

ConfigFile = Annotated[Path, typer.Option("--config", help="resolved configuration of the run")]
ModelName = Annotated[str, typer.Option("--model", help="name of the model in the configuration")]
ModelDir = Annotated[Path, typer.Option("--model-dir", help="directory of model.safetensors and model.json")]
Out = Annotated[Path, typer.Option("--out", help="file to write")]


def _model(config: Config, name: str) -> ModelConfig:
    if name not in config.models:
        raise ConfigError(f"--model {name}: is not configured; choose one of {', '.join(config.models)}")
    return config.models[name]


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@app.command("config")
def config_command(
    write: Annotated[
        bool, typer.Option("--write", help="write the generated files below the current directory")
    ] = False,
    check: Annotated[
        Path | None, typer.Option("--check", help="check a configuration or an overlay of config.yaml")
    ] = None,
) -> None:
    """Print the commented default configuration; write the generated files; or check a configuration."""
    from nuweave.config.document import commented_yaml, documents
    from nuweave.store import write_aside

    if check is not None:
        load(check)
        typer.echo(f"{check}: is right")
    elif write:
        for path, text in documents().items():
            with write_aside(path) as aside:
                aside.write_text(text)
            typer.echo(path)
    else:
        typer.echo(commented_yaml(Config()), nl=False)


@app.command()
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


@app.command()
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


@app.command("inspect")
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


@app.command()
def catalog(shards: Annotated[list[Path], typer.Argument(help="larcv3 shards")], out: Out) -> None:
    """Make the table with a row for every event."""
    from nuweave.catalog import build_catalog, write

    table = build_catalog(shards)
    write(table, out)
    typer.echo(f"{out}: {len(table)} events of {len(shards)} shards")


@app.command()
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


@app.command()
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


@app.command("data-quality")
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


@app.command()
def repack(
    files: Annotated[list[Path], typer.Argument(help="larcv3 files with the same products")],
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


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="larcv3 files")],
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


@app.command("larcv-check")
def larcv_check(
    files: Annotated[list[Path], typer.Argument(help="larcv3 files")],
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


@app.command()
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


@app.command()
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


@app.command()
def describe(
    config: Annotated[Path, typer.Argument(help="configuration of a run")] = Path("config.yaml"),
    model: Annotated[str | None, typer.Option("--model", help="describe this one only")] = None,
    shape: Annotated[
        str | None, typer.Option("--shape", help="sites along each axis, as 640x1024; else those of the detector")
    ] = None,
    occupancy: Annotated[
        float | None, typer.Option("--occupancy", help="share of active sites, as 0.007; else that of the detector")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one list of networks as JSON")] = False,
) -> None:
    """Print layers, parameters, operations and activation memory of each network, dense and sparse."""
    from nuweave.bench.describe import describe_model, event_of
    from nuweave.bench.describe_text import as_text

    settings = load(config)
    found = []
    for name in settings.models if model is None else [model]:
        one = _model(settings, name)
        found.append(describe_model(name, one, event_of(settings, one, shape=shape, occupancy=occupancy)))
        if not as_json:
            typer.echo(as_text(found[-1]))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))


@app.command()
def overfit(
    config: ConfigFile,
    model: ModelName,
    train_file: Annotated[Path, typer.Option("--train", help="packed training part")],
    out: Out,
) -> None:
    """Check that a model can learn a handful of events by heart."""
    from nuweave.train import run_overfit

    settings = load(config)
    result = run_overfit(name=model, model=_model(settings, model), seed=settings.seed, train_path=train_file, out=out)
    typer.echo(f"{model}: loss {result.first_loss:.3f} -> {result.final_loss:.4f} in {result.steps} steps: passed")


@app.command("find-rate")
def find_rate_command(
    config: ConfigFile,
    model: ModelName,
    train_file: Annotated[Path, typer.Option("--train", help="packed training part")],
    out: Out,
    steps: Annotated[int, typer.Option("--steps", min=20, help="from the lowest rate to the highest")] = 100,
    lowest: Annotated[float, typer.Option("--lowest", help="learning rate of the first step")] = 1e-6,
    highest: Annotated[float, typer.Option("--highest", help="learning rate of the last step")] = 1.0,
) -> None:
    """Train with a growing learning rate until the loss goes up, and suggest train.learning_rate."""
    from nuweave.train import find_rate
    from nuweave.train.rate_finder import as_text

    settings = load(config)
    result = find_rate(
        name=model,
        model=_model(settings, model),
        seed=settings.seed,
        train_path=train_file,
        out=out,
        num_steps=steps,
        lowest=lowest,
        highest=highest,
    )
    typer.echo(as_text(result))


@app.command()
def train(
    config: ConfigFile,
    model: ModelName,
    train_file: Annotated[Path, typer.Option("--train", help="packed training part")],
    val_file: Annotated[Path, typer.Option("--val", help="packed validation part")],
    model_dir: ModelDir,
    run_dir: Annotated[Path, typer.Option("--run-dir", help="directory of checkpoints and logs")],
    attempt: Annotated[
        int, typer.Option("--attempt", help="above 1, a training that failed is not tried again (the workflow counts)")
    ] = 1,
) -> None:
    """Train a model; start it under mpiexec or srun for several ranks. A rerun goes on from the last checkpoint.

    Exit status 85: saved and left at a signal or before the job ends, start it again. 75: another process trains in
    the run directory.
    """
    from nuweave.train import errors_of_ranks, leave_together, run_training

    with errors_of_ranks():
        settings = load(config)
        finished = run_training(
            name=model,
            model=_model(settings, model),
            seed=settings.seed,
            train_path=train_file,
            val_path=val_file,
            model_dir=model_dir,
            run_dir=run_dir,
            attempt=attempt,
        )
    status = 0 if finished else UNFINISHED
    leave_together(status)
    raise typer.Exit(status)


@app.command()
def status(
    paths: Annotated[list[Path], typer.Argument(help="run directories, or results/NAME with several under runs/")],
    as_json: Annotated[bool, typer.Option("--json", help="print one list of trainings as JSON")] = False,
) -> None:
    """Print how far each training is, who trains it, and which checkpoints it has."""
    from nuweave.report.status import StatusError, find_run_dirs, read_status
    from nuweave.report.status_text import as_text

    found, faults, now = [], [], datetime.now(UTC)
    for path in paths:
        try:
            found += [read_status(run_dir, now=now) for run_dir in find_run_dirs(path)]
        except StatusError as error:
            faults.append(str(error))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    elif found:
        typer.echo("\n\n".join(as_text(one, now=now) for one in found))
    for fault in faults:
        typer.echo(f"nuweave: {fault}", err=True)
    if faults:
        raise typer.Exit(1)


@app.command()
def evaluate(
    config: ConfigFile,
    model: ModelName,
    model_dir: ModelDir,
    data: Annotated[Path, typer.Option("--data", help="packed events")],
    catalog: Annotated[Path, typer.Option("--catalog", help="catalog.parquet")],
    out_dir: Annotated[Path, typer.Option("--out-dir", help="directory of predictions, displays and metrics")],
) -> None:
    """Predict with a finished model and score it beside trivial baselines."""
    from nuweave.evaluate import Geometry, evaluate_model
    from nuweave.physics.detectors import get_detector

    settings = load(config)
    evaluate_model(
        name=model,
        model_dir=model_dir,
        data=data,
        catalog=catalog,
        geometry=Geometry(get_detector(settings.detector), settings.convert.downsample),
        settings=settings.evaluate,
        seed=settings.seed,
        out_dir=out_dir,
    )
    typer.echo(f"{out_dir}: predictions.parquet, displays.parquet, metrics.json")


@app.command()
def report(config: ConfigFile, out: Out) -> None:
    """Write the HTML report of a run."""
    from nuweave.report.render import write_report

    write_report(load(config), out=out)
    typer.echo(out)


app.add_typer(bench_app, name="bench")


def main() -> None:
    """Run the command line; a user's mistake ends in one line and its exit status; ranks see to theirs."""
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"nuweave: {error}\n")
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
