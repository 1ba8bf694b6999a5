"""One validation over all events, however they are cut into batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nuweave.config import ModelConfig
from nuweave.loader import EventDataset, evaluation_batches
from nuweave.models import build_network
from nuweave.tasks import make_task
from nuweave.train.distributed import one_process
from nuweave.train.validate import validate
from tests.train.events import all_in_one, classifier, tagger


@pytest.mark.parametrize("model", [tagger(), classifier(), all_in_one()], ids=["tagger", "classifier", "all_in_one"])
def test_batches_of_one_and_of_five_agree(learnable: dict[str, Path], model: ModelConfig) -> None:
    dataset, task = EventDataset(learnable["val_path"]), make_task(model.task)
    network = build_network(model.network, task.outputs, num_planes=2, shape=dataset.shape)
    one, five = (
        validate(task, network, evaluation_batches(dataset, batch=batch), settings=model.train, ranks=one_process())
        for batch in (1, 5)
    )
    assert one == pytest.approx(five, rel=1e-5)
    assert {"loss", task.primary_metric} <= one.keys()


def test_the_network_is_evaluated_without_dropout_and_goes_on_training(learnable: dict[str, Path]) -> None:
    dataset, model = EventDataset(learnable["val_path"]), classifier()
    task = make_task(model.task)
    network = build_network(model.network, task.outputs, num_planes=2, shape=dataset.shape).train()
    state = torch.get_rng_state()
    validate(task, network, evaluation_batches(dataset, batch=5), settings=model.train, ranks=one_process())
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in network.parameters())
