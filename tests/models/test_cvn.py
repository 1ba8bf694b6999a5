"""CVN: its size, its map, its towers, and the images and outputs that it refuses."""

from __future__ import annotations

import pytest
import torch

from nuweave.config import UserError
from nuweave.config.models import CVNConfig
from nuweave.models import Outputs, build_network
from nuweave.models.cvn import CVN
from nuweave.sparse import to_dense
from tests.models.helpers import input_of, num_parameters

CLASSES = {"neutrino": 3, "protons": 7}


def cvn(config: CVNConfig, *, shape: tuple[int, ...], num_planes: int) -> CVN:
    torch.manual_seed(0)
    network = build_network(config, Outputs(event_classes=CLASSES), num_planes=num_planes, shape=shape)
    assert isinstance(network, CVN)
    return network


def inception(num_inputs: int, width: int) -> int:
    """Weights and norms: kernels of 1 see the inputs, two of them feed the kernels of 3 and of 5."""
    shares = {"one": width // 4, "three": width // 2, "five": width // 8, "pool": width // 8}
    before_3, before_5 = 3 * width // 8, width // 16
    ones = num_inputs * (shares["one"] + before_3 + before_5 + shares["pool"])
    return ones + 9 * before_3 * shares["three"] + 25 * before_5 * shares["five"] + 2 * (width + before_3 + before_5)


@pytest.mark.parametrize(
    ("shared", "num_planes", "expected"), [(False, 2, 406_030), (False, 3, 583_910), (True, 3, 269_750)]
)
def test_the_network_has_this_many_parameters(shared: bool, num_planes: int, expected: int) -> None:
    n = 20
    stem = 7 * 7 * n + n * n + 9 * n * 3 * n + 2 * (n + n + 3 * n)
    tower = stem + inception(3 * n, 4 * n) + inception(4 * n, 8 * n) + inception(8 * n, 8 * n)
    merge = inception(num_planes * 8 * n, 8 * n)
    heads = (8 * n + 1) * 10
    assert (1 if shared else num_planes) * tower + merge + heads == expected
    network = cvn(CVNConfig(shared_towers=shared), shape=(100, 80), num_planes=num_planes)
    assert num_parameters(network) == expected


@pytest.mark.parametrize(
    ("shape", "map_shape"), [((100, 80), (6, 5)), ((23, 23), (1, 1)), ((32, 47), (2, 3)), ((256, 160), (16, 10))]
)
def test_a_tower_ends_in_a_map_of_this_shape(shape: tuple[int, int], map_shape: tuple[int, int]) -> None:
    """100 x 80: convolution 50 x 40, pools 25 x 20, 12 x 10, 6 x 5."""
    network = cvn(CVNConfig(num_filters=4), shape=shape, num_planes=2)
    assert network.towers[0](torch.zeros(2, 1, *shape)).shape == (2, 32, *map_shape)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("num_planes", [1, 2, 3])
def test_every_view_goes_through_its_tower(shared: bool, num_planes: int) -> None:
    network = cvn(CVNConfig(num_filters=4, shared_towers=shared), shape=(32, 40), num_planes=num_planes).eval()
    x = input_of(0, shape=(32, 40), num_images=2 * num_planes)
    dense = to_dense(x).reshape(2, num_planes, 1, 32, 40)
    for event in range(2):
        views = [network.towers[0 if shared else plane](dense[event, plane, None]) for plane in range(num_planes)]
        expected = network.heads(network.merge(torch.cat(views, dim=1)))["protons"]
        torch.testing.assert_close(network(x).heads["protons"][event, None], expected)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((22, 40), r"network.kind=cvn: images of 22 x 40 sites must have at least 23 along each axis; lower"),
        ((32, 32, 32), r"network.kind=cvn: images of 32 x 32 x 32 sites must have 2 axes; take network.kind: resnet"),
    ],
)
def test_images_that_do_not_fit_are_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        cvn(CVNConfig(), shape=shape, num_planes=2)
