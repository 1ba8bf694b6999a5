"""AlexNet: its size with either head, two and three dimensions, and the images that it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nuweave.config import UserError
from nuweave.config.models import AlexNetConfig
from nuweave.models import Outputs, build_network
from tests.models.helpers import input_of, missing_gradients, num_parameters


def alexnet(config: AlexNetConfig, *, shape: tuple[int, ...], num_planes: int) -> nn.Module:
    torch.manual_seed(0)
    return build_network(config, Outputs(event_classes={"neutrino": 10}), num_planes=num_planes, shape=shape)


def test_the_network_has_this_many_parameters() -> None:
    """256 x 160 sites: convolution 64 x 40, pools 31 x 19, 15 x 9, 7 x 4."""
    n, shape = 16, (256, 160)
    convolutions = 11 * 11 * 3 * n + 25 * n * 3 * n + 9 * (3 * 4 + 4 * 4 + 4 * 3) * n * n + 2 * (1 + 3 + 4 + 4 + 3) * n
    heads = (16 * n + 1) * 10
    connected = (3 * n * 7 * 4 + 1) * 16 * n + (16 * n + 1) * 16 * n
    averaged = 3 * n * 16 * n + 16 * n * 16 * n + 2 * 2 * 16 * n
    assert convolutions + connected + heads == 530_330
    assert convolutions + averaged + heads == 199_066
    assert num_parameters(alexnet(AlexNetConfig(), shape=shape, num_planes=3)) == 530_330
    assert num_parameters(alexnet(AlexNetConfig(head="global_average"), shape=shape, num_planes=3)) == 199_066


def test_the_size_of_a_global_average_does_not_depend_on_the_image() -> None:
    config = AlexNetConfig(head="global_average")
    small, large = (alexnet(config, shape=shape, num_planes=3) for shape in ((64, 64), (512, 320)))
    assert num_parameters(small) == num_parameters(large)


@pytest.mark.parametrize("head", ["fully_connected", "global_average"])
def test_voxels_of_three_dimensions_are_classified_too(head: str) -> None:
    network = alexnet(AlexNetConfig.model_validate({"num_filters": 2, "head": head}), shape=(57, 64, 60), num_planes=1)
    logits_BK = network(input_of(0, shape=(57, 64, 60), num_images=2, occupancy=0.01)).heads["neutrino"]
    assert logits_BK.shape == (2, 10)
    torch.autograd.backward(logits_BK.sum())
    assert missing_gradients(network) == []


def test_images_that_the_pools_leave_nothing_of_are_refused() -> None:
    with pytest.raises(UserError, match=r"network.kind=alexnet: images of 64 x 56 sites must have at least 57 along"):
        alexnet(AlexNetConfig(), shape=(64, 56), num_planes=3)
