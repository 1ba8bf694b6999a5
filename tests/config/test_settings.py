"""A wrong configuration dies in one readable line: key, value, rule, remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nuweave.config import Config, ConfigError, dump, load, parse


def several(tasks: dict[str, object], network: str = "uresnet", **settings: object) -> dict[str, object]:
    """A configuration of one network with several tasks."""
    task = {"kind": "several", "tasks": tasks, **settings}
    return {"models": {"m": {"task": task, "network": {"kind": network}}}}


def test_the_defaults_are_the_demo() -> None:
    config = parse({})
    assert config.name == "demo"
    assert list(config.models) == ["cosmic_tagger", "event_id"]
    assert config.trains
    assert config.root == Path("results/demo")


def test_what_is_dumped_is_what_is_read(tmp_path: Path) -> None:
    config = parse({"seed": 7, "convert": {"downsample": 8}})
    (tmp_path / "c.yaml").write_text(dump(config))
    assert load(tmp_path / "c.yaml") == config


def with_train(*, norm: str = "batch", **train: object) -> dict[str, object]:
    """A model with such a training."""
    network = {"kind": "uresnet", "block": "plain", "norm": norm}
    return {"models": {"m": {"task": {"kind": "segmentation"}, "network": network, "train": train}}}


def test_a_training_on_other_ranks_is_the_same_but_for_them() -> None:
    model = parse(with_train(ranks=2, global_batch=12, accumulate=2, optimizer={"kind": "sgd"})).models["m"]
    assert model.on_ranks(6) == model.model_copy(update={"train": model.train.model_copy(update={"ranks": 6})})
    with pytest.raises(ConfigError, match=r"^--ranks 5 .*: global_batch=12 must divide by ranks=5 x accumulate=2; try"):
        model.on_ranks(5)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"simulat": 1}, r"config: simulat: unknown key; known here: name, .*mend the spelling"),
        ({"convert": {"dwn": 1}}, r"config: convert.dwn: unknown key; known here: adapter, "),
        ({"convert": {"downsample": 3}}, r"config: convert.downsample=3: must be a power of two; try 2"),
        ({"convert": {"adapter": "hdf"}}, r"config: convert.adapter='hdf': Input should be 'edepsim_h5'"),
        ({"detector": "cube"}, r"noise_adc=\[.*\] needs 1 values for detector=cube; try \[1.0\]"),
        ({"detector": "nova"}, r"noise_adc=\[.*\] needs 2 values for detector=nova; try \[1.0, 1.0\]"),
        ({"convert": {"adapter": "larcv3"}}, r"set data_dir=DIRECTORY"),
        ({"simulate": {"num_files": "many"}}, r"config: simulate.num_files='many': Input should be a valid integer"),
        ({"split": {"train": 0.9}}, r"train \+ val \+ test = 1.2 must be 1; try train: 0.7"),
        ({"models": {}}, r"config: models: .*at least 1"),
        ({"models": {"a-b": {"task": {"kind": "segmentation"}, "network": {"kind": "uresnet"}}}}, r"letters, digits"),
        (
            {"models": {"m": {"task": {"kind": "segmentation"}, "network": {"kind": "resnet"}}}},
            r"config: models.m: network.kind=resnet does not fit task.kind=segmentation; try uresnet",
        ),
        (
            {"models": {"m": {"task": {"kind": "vertex"}, "network": {"kind": "cvn"}}}},
            r"config: models.m: network.kind=cvn does not fit task.kind=vertex; try uresnet or resnet",
        ),
        (
            {"models": {"m": {"task": {"kind": "event_classification"}, "network": {"kind": "cvn", "num_filters": 6}}}},
            r"config: models.m.network.num_filters=6: Input should be a multiple of 4",
        ),
        (
            {
                "models": {
                    "m": {
                        "task": {"kind": "segmentation"},
                        "network": {"kind": "uresnet"},
                        "train": {"ranks": 2, "global_batch": 5},
                    }
                }
            },
            r"config: models.m.train: global_batch=5 must divide by ranks=2; try 4",
        ),
        (with_train(global_batch=6, accumulate=2), r"global_batch=6 must divide by ranks=2 x accumulate=2; try 8"),
        (with_train(optimizer={"kind": "lamb"}), r"optimizer.kind=lamb looks at whole layers, .*try zero_stage: 0"),
        (with_train(optimizer={"kind": "adam"}), r"config: models.m.train.optimizer: .*'adamw', 'sgd', 'lamb', 'lars'"),
        (with_train(schedule={"kind": "cyclic", "decay": 1.5}), r"schedule.decay=1.5: Input should be less than or eq"),
        (with_train(precision="fp16", norm="none"), r"precision=fp16 overflows with network.norm=none; try bf16"),
        (
            {"models": {"m": {"task": {"kind": "segmentation", "x": 1}, "network": {"kind": "uresnet"}}}},
            r"config: models.m.task.x: unknown key; known here: kind, sites, balance, ",
        ),
        (
            {"models": {"m": {"task": {"kind": "vertex", "vertex": 1}, "network": {"kind": "uresnet"}}}},
            r"config: models.m.task.vertex: unknown key; known here: kind, sites, anchor_stride, ",
        ),
        (
            {"models": {"m": {"task": {"kind": "vertex", "anchor_stride": 12}, "network": {"kind": "uresnet"}}}},
            r"config: models.m.task.anchor_stride=12: must be a power of two; try 8; see",
        ),
        (
            {"models": {"m": {"task": {"kind": "vertex", "anchor_stride": 8}, "network": {"kind": "resnet"}}}},
            r"config: models.m: task.anchor_stride=8: the network has boxes at strides 16; take one of these",
        ),
        (
            {"models": {"m": {"task": {"kind": "vertex", "detach": True}, "network": {"kind": "resnet"}}}},
            r"config: models.m: task.detach=true needs another task that trains .*; try detach: false",
        ),
        (
            {"models": {"m": {"task": {"kind": "vertices"}, "network": {"kind": "resnet"}}}},
            r"config: models.m.task: .*",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_rule(raw: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse(raw)
    assert "\n" not in str(caught.value)


def test_one_network_does_what_it_can_give() -> None:
    tasks = {"vertex": {"kind": "vertex", "detach": True}, "event": {"kind": "event_classification", "sites": "all"}}
    for network in ("uresnet", "resnet"):
        config = parse(several(tasks, network=network, weights={"event": 0.01}))
        assert config.models["m"].task.kind == "several"
        assert parse(yaml.safe_load(dump(config))) == config


def test_every_fault_has_its_line() -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"seed": -1, "name": "a/b"})
    assert len(str(caught.value).splitlines()) == 2


def test_null_drops_a_model() -> None:
    models = Config().model_dump(mode="json")["models"] | {"event_id": None}
    assert list(parse({"models": models}).models) == ["cosmic_tagger"]


def test_weights_for_some_models_only_are_refused() -> None:
    models = Config().model_dump(mode="json")["models"]
    models["event_id"]["weights"] = "somewhere"
    with pytest.raises(ConfigError, match="a run either trains or evaluates"):
        parse({"models": models})


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("- 1")
    (tmp_path / "broken.yaml").write_text("a: [1")
    for name, reason in {"none": "cannot be read", "list": "must hold keys", "broken": "is not YAML"}.items():
        with pytest.raises(ConfigError, match=f"{name}.yaml: {reason}"):
            load(tmp_path / f"{name}.yaml")
