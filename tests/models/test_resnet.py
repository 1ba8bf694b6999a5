"""The event network: shapes, gradients, size, plane identity, and that it can learn."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from nuweave.config import ConfigError
from nuweave.config.models import NetworkConfig, ResNetConfig, UResNetConfig
from nuweave.models import AnchorOutputs, Outputs, build_network
from nuweave.models.resnet import active_mean_and_max, mean_of_all, sizes
from nuweave.sparse import Convolution, SparseTensor, StridedConv, pool_mean, to_dense
from tests.models.helpers import input_of, missing_gradients, num_parameters
from tests.sparse.helpers import tensor_of

HEADS = {"neutrino": 3, "protons": 3, "charged_pions": 2, "neutral_pions": 2}
SMALL = ResNetConfig(num_filters=4, blocks=(1, 1, 1), num_features=16)


def resnet(config: ResNetConfig = SMALL, *, shape: tuple[int, ...], num_planes: int) -> nn.Module:
    torch.manual_seed(0)
    return build_network(config, Outputs(event_classes=HEADS), num_planes=num_planes, shape=shape)


@pytest.mark.parametrize("num_events", [0, 2])
def test_a_mean_over_planes_forgets_their_order(num_events: int) -> None:
    network = resnet(SMALL.model_copy(update={"planes": "mean"}), shape=(16, 16), num_planes=3).eval()
    x = input_of(0, shape=(16, 16), num_images=3 * num_events)
    key_N, order_N = (x.images().index_N // 3 * 3 * 256 + (x.key_N + 256) % (3 * 256)).sort()
    turned = SparseTensor(x.feat_NC[order_N], key_N, x.shape, x.num_images)
    torch.testing.assert_close(network(turned).heads["neutrino"], network(x).heads["neutrino"])


@pytest.mark.parametrize(("shape", "num_planes"), [((21, 34), 3), ((9, 12, 10), 1)])
def test_sparse_images_need_not_divide(shape: tuple[int, ...], num_planes: int) -> None:
    network = resnet(shape=shape, num_planes=num_planes)
    logits = network(input_of(0, shape=shape, num_images=5 * num_planes))
    assert {head: tuple(one.shape) for head, one in logits.heads.items()} == {h: (5, num) for h, num in HEADS.items()}


def test_boxes_come_from_the_last_level_at_its_stride() -> None:
    anchors = AnchorOutputs(4, num_filters=8, num_blocks=1, detach=False)
    network = build_network(SMALL, Outputs(anchors=anchors), num_planes=3, shape=(16, 24))
    logits = network(input_of(0, shape=(16, 24), num_images=6))
    assert logits.anchors_IAG.shape == (6, 3, 4, 6)
    torch.autograd.backward(logits.anchors_IAG.square().sum())
    assert missing_gradients(network) == []


@pytest.mark.parametrize("config", [SMALL, UResNetConfig(depth=2)], ids=lambda config: config.kind)
def test_boxes_that_the_network_has_no_level_for_are_refused(config: NetworkConfig) -> None:
    anchors = AnchorOutputs(8, num_filters=8, num_blocks=1, detach=False)
    with pytest.raises(ConfigError, match=r"anchor_stride=8: .* strides .*4; take"):
        build_network(config, Outputs(anchors=anchors), num_planes=3, shape=(16, 24))


def test_the_mean_over_all_sites_grows_with_the_share_of_active_ones() -> None:
    x = tensor_of([0, 3], shape=(2, 4), values=[1.0, 3.0])
    assert mean_of_all(x).tolist() == [[0.5]]
    assert mean_of_all(to_dense(x)).tolist() == [[0.5]]
    assert pool_mean(x).tolist() == [[2.0]]


def test_dense_means_and_maxima_look_at_active_sites_only() -> None:
    x = tensor_of([0, 3], shape=(2, 4))
    deep = torch.tensor([[[[-1.0, -4.0]]]])  # each site stands for 2 x 2 of x, both hold an active one
    assert [part.tolist() for part in active_mean_and_max(deep, x)] == [[[-2.5]], [[-1.0]]]
    left = tensor_of([0, 1], shape=(2, 4))
    assert [part.tolist() for part in active_mean_and_max(deep, left)] == [[[-1.0]], [[-1.0]]]
    empty = tensor_of([], shape=(2, 4))
    assert [part.tolist() for part in active_mean_and_max(deep, empty)] == [[[0.0]], [[0.0]]]


@pytest.mark.parametrize(("ndim", "num_planes", "published"), [(2, 3, 7_173_578), (3, 1, 20_881_994)])
def test_the_networks_of_sparse_event_id_have_their_parameters_a_norm_and_biases_more(
    ndim: int, num_planes: int, published: int
) -> None:
    config = ResNetConfig(
        block="residual",
        num_filters=32,
        blocks=(4,) * 6,
        bias=True,
        pool="mean_of_all",
        planes="mean",
        num_features=128,
        num_hidden=256,
    )
    norm_of_stem, biases_between_levels = 2 * 32, 32 * (2 + 3 + 4 + 5 + 6)
    with torch.device("meta"):
        network = resnet(config, shape=(512,) * ndim, num_planes=num_planes)
    assert num_parameters(network) == published + norm_of_stem + biases_between_levels


@pytest.mark.parametrize(("blocks", "num_layers"), [((2, 2, 2, 2), 18), ((3, 4, 6, 3), 34)])
@pytest.mark.parametrize("block", ["plain", "residual"])
def test_the_talks_networks_have_18_and_34_layers(blocks: tuple[int, ...], num_layers: int, block: str) -> None:
    """Counted as their authors do: those that halve the resolution stand for projections and do not count."""
    per_level = blocks if block == "residual" else tuple(2 * num for num in blocks)
    settings = {"num_filters": 4, "growth": "multiplicative", "num_hidden": 0, "num_features": 0}
    config = ResNetConfig.model_validate({**settings, "blocks": per_level, "block": block})
    network = build_network(config, Outputs(event_classes={"neutrino": 3}), num_planes=1, shape=(64, 64))
    kinds = [type(m) for m in network.modules() if isinstance(m, (Convolution, nn.Linear))]
    assert len(kinds) - kinds.count(StridedConv) == num_layers


@pytest.mark.parametrize(("ndim", "num_planes", "expected"), [(2, 3, 402_170), (3, 1, 885_050)])
def test_the_demo_network_has_this_many_parameters(ndim: int, num_planes: int, expected: int) -> None:
    assert num_parameters(resnet(ResNetConfig(), shape=(64,) * ndim, num_planes=num_planes)) == expected


def test_sizes_by_hand() -> None:
    x = tensor_of([0, 3, 5], shape=(2, 4), values=[1.0, 2.0, 4.0])
    assert sizes(x).tolist() == [[pytest.approx(math.log(4) - 6), pytest.approx(math.log(8) - 6)]]
