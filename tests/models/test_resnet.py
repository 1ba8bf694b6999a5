"""The event network: shapes, gradients, size, plane identity, and that it can learn."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from nuweave.config import ConfigError
from nuweave.config.models import NetworkConfig, ResNetConfig, UResNetConfig
from nuweave.models import AnchorOutputs, Logits, Outputs, build_network
from nuweave.models.resnet import active_mean_and_max, mean_of_all, sizes
from nuweave.sparse import Convolution, SparseTensor, StridedConv, pool_mean, to_dense
from tests.models.helpers import input_of, missing_gradients, num_parameters
from tests.sparse.helpers import tensor_of

HEADS = {"neutrino": 3, "protons": 3, "charged_pions": 2, "neutral_pions": 2}
SMALL = ResNetConfig(num_filters=4, blocks=(1, 1, 1), num_features=16)
STYLES = [
    SMALL,
    ResNetConfig(num_filters=4, blocks=(2, 1), block="plain", bias=True, pool="mean_of_all", planes="mean"),
    ResNetConfig(num_filters=4, blocks=(1, 1, 1), block="convnext", norm="layer", pool="mean", num_features=0),
]


def resnet(config: ResNetConfig = SMALL, *, shape: tuple[int, ...], num_planes: int) -> nn.Module:
    torch.manual_seed(0)
    return build_network(config, Outputs(event_classes=HEADS), num_planes=num_planes, shape=shape)


LAYOUT = pytest.mark.parametrize("layout", ["sparse", "dense"])
STYLE = pytest.mark.parametrize("config", STYLES, ids=lambda config: f"{config.block}-{config.pool}")


@LAYOUT
@STYLE
@pytest.mark.parametrize(("shape", "num_planes"), [((20, 36), 3), ((8, 12, 8), 1)])
def test_every_event_gets_logits_of_every_head_and_every_parameter_a_gradient(
    config: ResNetConfig, layout: str, shape: tuple[int, ...], num_planes: int
) -> None:
    network = resnet(config.model_copy(update={"layout": layout}), shape=shape, num_planes=num_planes)
    logits = network(input_of(0, shape=shape, num_images=5 * num_planes))
    assert isinstance(logits, Logits)
    assert {head: tuple(logits_BK.shape) for head, logits_BK in logits.heads.items()} == {
        head: (5, num_classes) for head, num_classes in HEADS.items()
    }
    torch.autograd.backward(torch.cat(list(logits.heads.values()), dim=1).square().sum())
    assert missing_gradients(network) == []


@LAYOUT
@STYLE
@pytest.mark.parametrize(("num_events", "images"), [(0, []), (2, []), (2, [4])])
def test_events_without_sites_and_ranks_without_events_give_finite_logits_and_gradients(
    config: ResNetConfig, layout: str, num_events: int, images: list[int]
) -> None:
    network = resnet(config.model_copy(update={"layout": layout}), shape=(20, 32), num_planes=3)
    x = input_of(0, shape=(20, 32), num_images=6)
    keep_N = torch.isin(x.images().index_N, torch.tensor(images))
    x = SparseTensor(x.feat_NC[keep_N], x.key_N[keep_N], x.shape, 3 * num_events)
    out = torch.cat(list(network(x).heads.values()), dim=1)
    assert out.shape == (num_events, 10)
    assert torch.isfinite(out).all()
    torch.autograd.backward(out.sum())
    assert missing_gradients(network) == []


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
    with pytest.raises(ConfigError, match=r"anchor_stride=8: .* strides .*4;"):
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
        num_filters=32, blocks=(4,) * 6, bias=True, pool="mean_of_all", planes="mean", num_features=128, num_hidden=256
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


def test_planes_keep_their_identity() -> None:
    network = resnet(shape=(16, 16), num_planes=3).eval()
    x = input_of(0, shape=(16, 16), num_images=3)
    order_N = torch.argsort((x.images().index_N + 1) % 3, stable=True)  # the last plane becomes the first
    key_N = ((x.images().index_N + 1) % 3 * 256 + x.key_N % 256)[order_N]
    turned = SparseTensor(x.feat_NC[order_N], key_N, x.shape, 3)
    assert not torch.allclose(network(turned).heads["neutrino"], network(x).heads["neutrino"])


def test_events_do_not_see_each_other() -> None:
    network = resnet(shape=(16, 16), num_planes=3).eval()
    x = input_of(0, shape=(16, 16), num_images=6)
    first_N = x.images().index_N < 3
    alone = network(SparseTensor(x.feat_NC[first_N], x.key_N[first_N], x.shape, 3))
    torch.testing.assert_close(alone.heads["protons"], network(x).heads["protons"][:1])


def test_sizes_by_hand() -> None:
    x = tensor_of([0, 3, 5], shape=(2, 4), values=[1.0, 2.0, 4.0])
    assert sizes(x).tolist() == [[pytest.approx(math.log(4) - 6), pytest.approx(math.log(8) - 6)]]


@pytest.mark.parametrize("autocast", [True, False])
def test_bfloat16_trains_every_parameter_and_stays_close(autocast: bool) -> None:
    network = resnet(SMALL.model_copy(update={"dropout": 0.0}), shape=(20, 30), num_planes=3)
    x = input_of(0, shape=(20, 30), num_images=6)
    exact = torch.cat(list(network(x).heads.values()), dim=1)
    if not autocast:
        network, x = network.bfloat16(), x.replace(x.feat_NC.bfloat16())
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        logits = torch.cat(list(network(x).heads.values()), dim=1)
    assert float((logits.float() - exact).detach().abs().mean() / exact.detach().abs().mean()) < 0.1
    torch.autograd.backward(logits.float().sum())
    assert missing_gradients(network) == []


def test_eight_random_events_are_learnt_by_heart() -> None:
    network = resnet(SMALL.model_copy(update={"dropout": 0.0}), shape=(16, 16), num_planes=3)
    x = input_of(0, shape=(16, 16), num_images=24, occupancy=0.1)
    generator = torch.Generator().manual_seed(1)
    truth = {head: torch.randint(num, (8,), generator=generator) for head, num in HEADS.items()}
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(60):
        heads = network(x).heads
        loss = torch.stack([functional.cross_entropy(heads[head], truth[head]) for head in HEADS]).mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    assert loss.item() < 0.02
