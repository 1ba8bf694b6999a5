"""Commands for networks, from what they are to what they found; what they need is imported inside of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from nuweave.cli.options import ConfigFile, Out
from nuweave.config import Config, ConfigError, ModelConfig, load

UNFINISHED = 85  # exit status of a training that saved its state and left: run it again and it goes on
ModelName = Annotated[str, typer.Option("--model", help="name of the model in the configuration")]
ModelDir = Annotated[Path, typer.Option("--model-dir", help="directory of model.safetensors and model.json")]

network_app = typer.Typer()


@network_app.command()
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


@network_app.command()
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


@network_app.command("find-rate")
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


@network_app.command()
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
    ranks: Annotated[
        int | None,
        typer.Option(
            "--ranks",
            min=1,
            envvar="NUWEAVE_RANKS",
            help="ranks that were started; else train.ranks counts (nuweave launch sets the variable)",
        ),
    ] = None,
) -> None:
    """Train a model; start it under mpiexec or srun for several ranks. A rerun goes on from the last checkpoint.

    Exit status 85: saved and left at a signal or before the job ends, start it again. 75: another process trains in
    the run directory.
    """
    from nuweave.train import errors_of_ranks, leave_together, run_training

    with errors_of_ranks():
        settings = load(config)
        chosen = _model(settings, model)
        finished = run_training(
            name=model,
            model=chosen if ranks is None else chosen.on_ranks(ranks),
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


@network_app.command()
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


@network_app.command()
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


@network_app.command()
def report(config: ConfigFile, out: Out) -> None:
    """Write the HTML report of a run."""
    from nuweave.report.render import write_report

    write_report(load(config), out=out)
    typer.echo(out)


def _model(config: Config, name: str) -> ModelConfig:
    if name not in config.models:
        raise ConfigError(f"--model {name}: is not configured; choose one of {', '.join(config.models)}")
    return config.models[name]
