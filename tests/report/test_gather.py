"""Reading the saved tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuweave.config import Config
from nuweave.report.gather import gather, read_times
from nuweave.store import StoreError


def test_all_tables_are_read(config: Config) -> None:
    tables = gather(config)
    assert [model.name for model in tables.models] == ["tagger", "classifier"]
    assert len(tables.catalog) == 24
    assert [manifest["shard"] for manifest in tables.manifests] == ["000"]
    assert tables.models[0].history is not None
    assert tables.models[0].history["step"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("catalog.parquet", "catalog"),
        ("split.json", "split"),
        ("data_quality.json", "data_quality"),
        ("shift/train_test.json", "shift"),
        ("models/tagger/metrics.json", "evaluate"),
        ("models/tagger/predictions.parquet", "evaluate"),
        ("models/tagger/displays.parquet", "evaluate"),
        ("models/classifier/metrics.jsonl", "train"),
        ("models/classifier/overfit.json", "overfit"),
    ],
)
def test_missing_table_is_named_with_its_rule(config: Config, name: str, rule: str) -> None:
    (config.root / name).unlink()
    with pytest.raises(StoreError, match=f"{name}: no such file, and the report needs it; run the rule {rule} first"):
        gather(config)


@pytest.mark.parametrize("name", ["catalog.parquet", "split.json", "models/tagger/metrics.jsonl"])
def test_damaged_table_is_named(config: Config, name: str) -> None:
    (config.root / name).write_text("{")
    with pytest.raises(StoreError, match=rf"{name}: is not .*run the rule"):
        gather(config)


def test_only_what_the_run_can_compare_is_read(config: Config, weights_config: Config) -> None:
    assert list(gather(weights_config).shifts) == []
    report = config.report.model_copy(update={"reference": "real.h5", "validation": "nowhere.json"})
    with pytest.raises(StoreError, match=r"reference.json: no such file, .* run the rule shift first"):
        gather(weights_config.model_copy(update={"report": report}))
    (config.root / "shift" / "reference.json").write_text("{}")
    with pytest.raises(StoreError, match=r"nowhere.json: no such file"):
        gather(weights_config.model_copy(update={"report": report}))


def test_times_are_grouped_by_rule(config: Config) -> None:
    times = read_times(config.root / "benchmarks")
    assert times.groupby("rule")["seconds"].sum().to_dict() == {"simulate": 4.0, "train": 30.0}


def test_times_in_folders_are_found(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "tagger.tsv").write_text("s\tmax_rss\n3.5\t-\n")
    assert read_times(tmp_path)[["rule", "job", "seconds"]].to_numpy().tolist() == [["train", "train_tagger", 3.5]]


def test_file_that_is_no_benchmark_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(StoreError, match=r"odd\.tsv: is not a benchmark"):
        read_times(tmp_path)
