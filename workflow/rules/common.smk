# The checked configuration and the helpers that rules use. A wrong configuration ends here, before the DAG is built.
import hashlib
import sys
from pathlib import Path

from nuweave import config as nuweave_config
from nuweave.physics.detectors import get_detector
from nuweave.sites.stage import require_possible
from nuweave.store import write_aside


def refuse(message):
    """End with one readable message instead of a traceback."""
    sys.stderr.write(f"nuweave: {message}\n")
    sys.exit(1)


try:
    CONFIG = nuweave_config.parse(config)
except nuweave_config.ConfigError as error:
    refuse(error)

# Networks that cannot take the images of this run end it here too.
image_shape = tuple(
    length // CONFIG.convert.downsample
    for length in get_detector(CONFIG.detector).shapes[0]
)
for name, model in CONFIG.models.items():
    try:
        model.network.require_fit(image_shape)
    except nuweave_config.ConfigError as error:
        refuse(f"config: models.{name}.{error}")

ROOT = CONFIG.root
RESOLVED = ROOT / "config.yaml"


def get_sources():
    """The simulation files of this run: name of the shard -> file."""
    if CONFIG.data_dir is None:
        return {
            f"{file:03d}": ROOT / f"raw/{file:03d}.h5"
            for file in range(CONFIG.simulate.num_files)
        }
    if CONFIG.dataset is not None:
        return {
            Path(name).stem: Path(CONFIG.data_dir) / name
            for name in CONFIG.dataset.files
        }
    found = sorted(Path(CONFIG.data_dir).glob(CONFIG.convert.pattern))
    if not found:
        refuse(
            f"data_dir={CONFIG.data_dir}: no file matches convert.pattern={CONFIG.convert.pattern}; mend one of the two"
        )
    names = {path.stem: path for path in found}
    if len(names) < len(found):
        refuse(
            f"data_dir={CONFIG.data_dir}: two files differ in their suffix only; narrow convert.pattern"
        )
    return names


def get_raw_file(wildcards):
    """The simulation file of a shard; a name that is none ends here, for the pattern of a name allows any."""
    if wildcards.source not in RAW_FILES:
        refuse(
            f"{ROOT}: no source is called {wildcards.source}; name a shard after one: {', '.join(list(RAW_FILES)[:3])}, ..."
        )
    return RAW_FILES[wildcards.source]


def get_source(wildcards):
    """What a shard depends on: its simulation file, or the receipt of a published one, which may be gone after its use."""
    return RECEIPTS.get(wildcards.source) or get_raw_file(wildcards)


def get_report_files():
    """The files that the report shows beside those of the run itself: setting -> file, where it is given."""
    given = {name: getattr(CONFIG.report, name) for name in ("validation", "reference")}
    files = {name: Path(value) for name, value in given.items() if value is not None}
    for name, file in files.items():
        if not file.is_file():
            refuse(
                f"config: report.{name}={file}: no such file; write it first, or remove the setting"
            )
    return files


def get_shifts():
    """The samples that are compared: name -> two files."""
    pairs = (
        {"train_test": [ROOT / "packed/train.h5", ROOT / "packed/test.h5"]}
        if CONFIG.trains
        else {}
    )
    if "reference" in REPORT_FILES:
        pairs["reference"] = [ROOT / f"packed/{PARTS[0]}.h5", REPORT_FILES["reference"]]
    return pairs


def get_model_dir(wildcards):
    """Where the finished model is that a run evaluates."""
    given = CONFIG.models[wildcards.model].weights
    return ROOT / "models" / wildcards.model if given is None else Path(given)


def get_model_files(wildcards):
    """Weights and description of a model; named here if they should be there and are not."""
    files = [
        get_model_dir(wildcards) / name for name in ("model.safetensors", "model.json")
    ]
    if not CONFIG.trains:
        for file in files:
            if not file.exists():
                refuse(
                    f"models.{wildcards.model}.weights={CONFIG.models[wildcards.model].weights}: {file} does not exist; "
                    "train that model first (for the demo's models: make demo)"
                )
    return files


def settings_of(*sections):
    """Parameters that make a job run again when its part of the configuration changes."""
    return {section: getattr(CONFIG, section) for section in sections}.__repr__()


def model_settings(wildcards):
    """As settings_of, for one model."""
    return repr(CONFIG.models[wildcards.model])


def code_of(*rooms):
    """Hash of the sources of cheap rooms, so that their jobs run again when the code changes. Never used for training."""
    package = Path(workflow.basedir) / "src/nuweave"
    files = sorted(file for room in rooms for file in (package / room).rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[
        :12
    ]


def require_staging():
    """End here, before anything is run, where a file of the dataset is wrong, or missing with no way to fetch it."""
    if not workflow.is_main_process or CONFIG.dataset is None:
        return
    try:
        require_possible(CONFIG)
    except nuweave_config.UserError as error:
        refuse(error)


def write_list(files, path, log_file):
    """Write the names of files, one a line, as commands take them as @LIST."""
    with write_aside(Path(path)) as aside:
        aside.write_text("".join(f"{file}\n" for file in files))
    Path(log_file).write_text(f"{path}: {len(files)} files\n")


RAW_FILES = get_sources()
RECEIPTS = (
    {}
    if CONFIG.dataset is None
    else {name: ROOT / f"staged/{name}.json" for name in RAW_FILES}
)
RUNS = {name: run for run, name in enumerate(RAW_FILES)}
SHARDS = [ROOT / f"shards/{name}.h5" for name in RAW_FILES]
SHARD_LIST = ROOT / "shards.txt"
TRAINED = [name for name in CONFIG.models if CONFIG.trains]
PARTS = ["train", "val", "test"] if CONFIG.trains else ["all"]
EVALUATED_PART = PARTS[-1]
REPORT_FILES = get_report_files()
SHIFTS = get_shifts()

# Every command reads this file; it changes only when the configuration does.
try:
    if not RESOLVED.exists() or RESOLVED.read_text() != nuweave_config.dump(CONFIG):
        with write_aside(RESOLVED) as aside:
            aside.write_text(nuweave_config.dump(CONFIG))
except OSError as error:
    refuse(
        f"{RESOLVED}: cannot be written ({error.strerror}); free space, or write elsewhere: --config results=DIRECTORY"
    )


# Snakemake scans a constraint for every file of every job: one that lists the sources makes planning quadratic in them.
wildcard_constraints:
    model="|".join(CONFIG.models),
    source="[^/]+",
    part="train|val|test|all",
    pair="train_test|reference",
