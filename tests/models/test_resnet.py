"""The event network: shapes, gradients, size, plane identity, and that it can learn."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from nuweave.config.models import ResNetConfig
from nuweave.models import Logits, Outputs, build_network
from nuweave.models.resnet import sizes
from nuweave.sparse import SparseTensor
from tests.models.helpers import input_of, missing_gradients, num_parameters
from tests.sparse.helpers import tensor_of

HEADS = {"neutrino": 3, "protons": 3, "charged_pions": 2, "neutral_pions": 2}
SMALL = ResNetConfig(num_filters=4, depth=2, num_features=16)


def resnet(config: ResNetConfig = SMALL, *, shape: tuple[int, ...], num_planes: int) -> nn.Module:
    torch.manual_seed(0)
    return build_network(config, Outputs(event_classes=HEADS), num_planes=num_planes, shape=shape)


@pytest.mark.parametrize(("shape", "num_planes"), [((21, 34), 3), ((9, 12, 10), 1)])
def test_every_event_gets_logits_of_every_head_and_every_parameter_a_gradient(
    shape: tuple[int, ...], num_planes: int
) -> None:
    network = resnet(shape=shape, num_planes=num_planes)
    logits = network(input_of(0, shape=shape, num_images=5 * num_planes))
    assert isinstance(logits, Logits)
    assert {head: tuple(logits_BK.shape) for head, logits_BK in logits.heads.items()} == {
        head: (5, num_classes) for head, num_classes in HEADS.items()
    }
    torch.autograd.backward(torch.cat(list(logits.heads.values()), dim=1).square().sum())
    assert missing_gradients(network) == []


@pytest.mark.parametrize("images", [[], [4]])
def test_images_without_sites_give_finite_logits_and_gradients(images: list[int]) -> None:
    network = resnet(shape=(20, 30), num_planes=3)
    x = input_of(0, shape=(20, 30), num_images=6)
    keep_N = torch.isin(x.images().index_N, torch.tensor(images))
    x = SparseTensor(x.feat_NC[keep_N], x.key_N[keep_N], x.shape, x.num_images)
    out = torch.cat(list(network(x).heads.values()), dim=1)
    assert out.shape == (2, 10)
    assert torch.isfinite(out).all()
    torch.autograd.backward(out.sum())
    assert missing_gradients(network) == []


@pytest.mark.parametrize(("ndim", "num_planes", "expected"), [(2, 3, 332_538), (3, 1, 861_242)])
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
    network = resnet(ResNetConfig(num_filters=4, depth=2, num_features=32, dropout=0), shape=(16, 16), num_planes=3)
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
