"""A finished model on real files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nuweave.catalog import pack_part, read, write
from nuweave.config.evaluate import EvaluateConfig
from nuweave.evaluate import Geometry, evaluate_model
from nuweave.physics.detectors import WireDetector
from nuweave.store import StoreError
from tests.evaluate.conftest import CLASSIFICATION, SEGMENTATION, SEVERAL, VERTEX, Run, Views, write_model

SETTINGS = EvaluateConfig(batch=3, num_displays=1, num_bootstrap=20)


def evaluated(run: Run, directory: Path, settings: dict[str, object], *, batch: int = 3) -> dict[str, Any]:
    model_dir = write_model(directory / "model", settings)
    evaluate_model(
        name="m",
        model_dir=model_dir,
        data=run.data,
        catalog=run.catalog,
        geometry=Geometry(Views(), 1),
        settings=SETTINGS.model_copy(update={"batch": batch}),
        seed=5,
        out_dir=directory / "out",
    )
    metrics: dict[str, Any] = json.loads((directory / "out" / "metrics.json").read_text())
    return metrics


def test_every_event_is_predicted_once_beside_what_the_catalogue_knows(run: Run, tmp_path: Path) -> None:
    evaluated(run, tmp_path, SEGMENTATION)
    predictions = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    catalog = read(run.catalog).set_index("event").loc[predictions["event"]]
    assert sorted(predictions["event"]) == list(range(7))
    assert predictions["nu_energy_gev"].tolist() == catalog["nu_energy_gev"].tolist()
    for true, name in enumerate(("num_background", "num_cosmic", "num_neutrino")):
        columns = [f"plane{plane}_true{true}_pred{k}" for plane in range(3) for k in range(3)]
        assert predictions[columns].sum(axis=1).tolist() == catalog[name].tolist()


def test_metrics_of_sites_have_baselines_and_errors(run: Run, tmp_path: Path) -> None:
    metrics = evaluated(run, tmp_path, SEGMENTATION)
    primary = metrics["metrics"]["mean_iou"]
    assert metrics["num_events"] == 7
    assert set(primary["baselines"]) == {"all_background", "all_cosmic", "all_neutrino", "value_cut"}
    assert primary["margin"] == primary["value"] - primary["baselines"][primary["best_baseline"]]["value"]
    assert primary["error"] > 0
    assert metrics["beats_baselines"] is (primary["margin"] > 0)
    counts = np.array([plane["counts"] for plane in metrics["confusion"].values()])
    assert counts.sum() == 7 * 3 * 40
    wrong = 840 - np.trace(counts, axis1=1, axis2=2).sum()
    assert metrics["metrics"]["accuracy"]["value"] == pytest.approx(1 - wrong / (7 * 3 * 768))


def test_metrics_of_classes_have_baselines_and_errors(run: Run, tmp_path: Path) -> None:
    metrics = evaluated(run, tmp_path, CLASSIFICATION)
    assert metrics["metrics"]["neutrino/accuracy"]["baselines"]["majority_class"]["value"] == pytest.approx(3 / 7)
    assert metrics["classes"]["neutrino"] == ["nue CC", "numu CC", "NC"]
    assert "neutral_pions/auc" in metrics["not_available"]  # every event has class 0
    predictions = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    assert (predictions["neutrino_true"] == predictions["event"] % 3).all()
    assert (predictions["score"] < 0).all()


def test_displays_hold_the_sites_of_the_chosen_events(run: Run, tmp_path: Path) -> None:
    metrics = evaluated(run, tmp_path, SEGMENTATION)
    displays = pd.read_parquet(tmp_path / "out" / "displays.parquet")
    scores = pd.read_parquet(tmp_path / "out" / "predictions.parquet").set_index("event")["score"]
    chosen = {one["kind"]: one["event"] for one in metrics["displays"]}
    assert chosen["best"] == scores.idxmax()
    assert chosen["worst"] == scores.idxmin()
    assert displays.groupby("event").size().to_dict() == dict.fromkeys(chosen.values(), 120)
    assert {"plane", "site", "value", "label", "prob0", "prob1", "prob2", "kind"} <= set(displays)


def test_vertices_are_found_in_sites_and_in_cm(run: Run, tmp_path: Path) -> None:
    """Site 5 of 32 x 24 is (0, 5) in every plane; the views see it at 2 x 0 and 5 cm."""
    metrics = evaluated(run, tmp_path, VERTEX)
    predictions = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    assert predictions[["plane1_vertex_true_axis0", "plane1_vertex_true_axis1"]].to_numpy().tolist() == [[0, 5]] * 7
    offset = predictions[["plane1_vertex_axis0", "plane1_vertex_axis1"]].to_numpy() - [0, 5]
    off_cm = np.linalg.norm(offset * [2, 1], axis=1)
    assert predictions["plane1_vertex_distance_cm"].tolist() == pytest.approx(off_cm.tolist())
    assert metrics["metrics"]["plane1/median_cm"]["value"] == pytest.approx(np.median(off_cm))
    in_space = predictions[["vertex_found_x_cm", "vertex_found_y_cm", "vertex_found_z_cm"]] - [10, -20, 250]
    assert predictions["vertex_distance_cm"].tolist() == pytest.approx(np.linalg.norm(in_space, axis=1).tolist())
    assert metrics["metrics"]["box_accuracy"]["baselines"]["mean_place"]["value"] == 1  # all vertices are one
    assert predictions["score"].tolist() == pytest.approx(
        (-predictions[[f"plane{plane}_vertex_distance_cm" for plane in range(3)]].mean(axis=1)).tolist()
    )


def test_each_of_several_tasks_is_judged_as_if_it_were_alone(run: Run, tmp_path: Path) -> None:
    metrics = evaluated(run, tmp_path, SEVERAL)
    predictions = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    kinds = {name: part["task"]["kind"] for name, part in metrics["parts"].items()}
    assert kinds == {"sites": "segmentation", "vertex": "vertex", "event": "event_classification"}
    assert [next(iter(part["primary"])) for part in metrics["parts"].values()] == [
        "mean_iou",
        "box_accuracy",
        "neutrino/accuracy",
    ]
    assert predictions["score"].tolist() == predictions["sites_score"].tolist()
    assert predictions["vertex_score"].max() < 0
    assert predictions["event_score"].max() < 0
    assert "prob2" in pd.read_parquet(tmp_path / "out" / "displays.parquet")


def test_places_in_cm_need_the_detector_of_the_images(run: Run, tmp_path: Path) -> None:
    model_dir = write_model(tmp_path / "model", SEVERAL)
    wrong = r"3 x 32 x 24 .*, those of detector=sbnd with convert.downsample=8 are 3 x 256 x 160; give the detector and"
    with pytest.raises(StoreError, match=wrong):
        evaluate_model(
            name="m",
            model_dir=model_dir,
            data=run.data,
            catalog=run.catalog,
            geometry=Geometry(WireDetector(), 8),
            settings=SETTINGS,
            seed=5,
            out_dir=tmp_path / "out",
        )


@pytest.mark.parametrize("settings", [SEGMENTATION, CLASSIFICATION, SEVERAL])
def test_a_second_run_writes_the_same(run: Run, tmp_path: Path, settings: dict[str, object]) -> None:
    first = evaluated(run, tmp_path / "a", settings)
    second = evaluated(run, tmp_path / "b", settings)
    assert first == second
    for name in ("predictions.parquet", "displays.parquet"):
        one, other = (pd.read_parquet(tmp_path / which / "out" / name) for which in "ab")
        pd.testing.assert_frame_equal(one, other)


def test_the_size_of_a_batch_does_not_matter(run: Run, tmp_path: Path) -> None:
    small = evaluated(run, tmp_path / "a", SEGMENTATION, batch=1)
    large = evaluated(run, tmp_path / "b", SEGMENTATION, batch=7)
    assert small["metrics"]["mean_iou"]["value"] == pytest.approx(large["metrics"]["mean_iou"]["value"], abs=0.01)


def test_two_events_are_enough(run: Run, tmp_path: Path) -> None:
    pack_part(read(run.catalog).iloc[:2], tmp_path / "two.h5", seed=1)
    metrics = evaluated(Run(tmp_path / "two.h5", run.catalog), tmp_path, CLASSIFICATION)
    assert [one["kind"] for one in metrics["displays"]] == ["best", "worst"]


def test_catalogue_without_the_events_is_refused(run: Run, tmp_path: Path) -> None:
    write(read(run.catalog).iloc[:5], tmp_path / "short.parquet")
    with pytest.raises(StoreError, match="lacks 2 of the 7 evaluated events; run the rule catalog"):
        evaluated(Run(run.data, tmp_path / "short.parquet"), tmp_path, SEGMENTATION)


def test_model_for_other_images_is_refused(run: Run, tmp_path: Path) -> None:
    model_dir = write_model(tmp_path / "model", SEGMENTATION)
    meta = json.loads((model_dir / "model.json").read_text()) | {"shape": [64, 48]}
    (model_dir / "model.json").write_text(json.dumps(meta))
    with pytest.raises(StoreError, match=r"has images of 3 x 32 x 24 .* was trained on 3 x 64 x 48; convert with"):
        evaluate_model(
            name="m",
            model_dir=model_dir,
            data=run.data,
            catalog=run.catalog,
            geometry=Geometry(Views(), 1),
            settings=SETTINGS,
            seed=5,
            out_dir=tmp_path / "out",
        )
