"""The segmentation network: shapes, gradients, size, shared weights, and that it can learn."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from nuweave.config.models import UResNetConfig
from nuweave.models import Logits, Outputs, build_network
from nuweave.models.uresnet import UResNet
from nuweave.sparse import SparseTensor
from tests.models.helpers import input_of, missing_gradients, num_parameters

SMALL = UResNetConfig(num_filters=4, depth=2, blocks_deepest=1, bottleneck=8)


def uresnet(config: UResNetConfig = SMALL, *, shape: tuple[int, ...], num_planes: int) -> nn.Module:
    torch.manual_seed(0)
    return build_network(config, Outputs(site_classes=3), num_planes=num_planes, shape=shape)


@pytest.mark.parametrize(("shape", "num_planes"), [((21, 34), 3), ((9, 12, 10), 1)])
def test_every_site_gets_a_logit_a_class_and_every_parameter_a_gradient(
    shape: tuple[int, ...], num_planes: int
) -> None:
    network = uresnet(shape=shape, num_planes=num_planes)
    x = input_of(0, shape=shape, num_images=2 * num_planes)
    logits = network(x)
    assert isinstance(logits, Logits)
    assert logits.sites_NK.shape == (len(x.key_N), 3)
    torch.autograd.backward(logits.sites_NK.square().sum())
    assert missing_gradients(network) == []
    assert all(bool(p.grad.any()) for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("images", [[], [4]])
def test_images_without_sites_give_finite_gradients_everywhere(images: list[int]) -> None:
    network = uresnet(shape=(20, 30), num_planes=3)
    x = input_of(0, shape=(20, 30), num_images=6)
    keep_N = torch.isin(x.images().index_N, torch.tensor(images))
    x = SparseTensor(x.feat_NC[keep_N], x.key_N[keep_N], x.shape, x.num_images)
    torch.autograd.backward(network(x).sites_NK.sum())
    assert missing_gradients(network) == []


@pytest.mark.parametrize(
    ("ndim", "num_planes", "expected"),
    [(2, 3, 256_515), (3, 1, 700_707)],
)
def test_the_demo_network_has_this_many_parameters(ndim: int, num_planes: int, expected: int) -> None:
    network = uresnet(UResNetConfig(), shape=(64,) * ndim, num_planes=num_planes)
    assert num_parameters(network) == expected


def test_events_do_not_see_each_other_but_planes_of_an_event_do() -> None:
    network = uresnet(shape=(16, 16), num_planes=3).eval()
    x = input_of(0, shape=(16, 16), num_images=6)
    before = network(x).sites_NK
    changed_N = x.images().index_N == 4  # the second plane of the second event
    after = network(x.replace(torch.where(changed_N[:, None], x.feat_NC + 1, x.feat_NC))).sites_NK
    first_N = x.images().index_N < 3
    torch.testing.assert_close(after[first_N], before[first_N])
    for plane in (3, 5):
        assert not torch.allclose(after[x.images().index_N == plane], before[x.images().index_N == plane])


def test_planes_share_weights_up_to_the_mix() -> None:
    network = uresnet(shape=(16, 16), num_planes=3)
    assert isinstance(network, UResNet)
    for parameter in network.mix.split.parameters():
        nn.init.zeros_(parameter)
    one = input_of(0, shape=(16, 16), num_images=1)
    volume = 16 * 16
    three = SparseTensor(
        one.feat_NC.repeat(3, 1), torch.cat([one.key_N + plane * volume for plane in range(3)]), one.shape, 3
    )
    first, second, third = network(three).sites_NK.chunk(3)
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(first, third)


@pytest.mark.parametrize("autocast", [True, False])
def test_bfloat16_trains_every_parameter_and_stays_close(autocast: bool) -> None:
    network = uresnet(shape=(20, 30), num_planes=3)
    x = input_of(0, shape=(20, 30), num_images=6)
    exact = network(x).sites_NK
    if not autocast:
        network, x = network.bfloat16(), x.replace(x.feat_NC.bfloat16())
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        logits = network(x).sites_NK
    assert float((logits.float() - exact).detach().abs().mean() / exact.detach().abs().mean()) < 0.1
    torch.autograd.backward(logits.float().sum())
    assert missing_gradients(network) == []


def test_eight_random_events_are_learnt_by_heart() -> None:
    network = uresnet(
        UResNetConfig(num_filters=8, depth=2, blocks_deepest=1, bottleneck=16), shape=(16, 16), num_planes=3
    )
    x = input_of(0, shape=(16, 16), num_images=24, occupancy=0.1)
    labels_N = torch.randint(3, (len(x.key_N),), generator=torch.Generator().manual_seed(1))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(60):
        loss = functional.cross_entropy(network(x).sites_NK, labels_N)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    assert loss.item() < 0.05
