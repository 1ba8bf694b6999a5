"""Whole networks: layers on active sites and dense operations are one definition.

Where every site is active, the sparse and the dense layout are the same graph. Elsewhere they are not: a dense layer
gives empty sites a bias, counts them in its statistics and lets features spread into them. There the sparse layout is
the graph of dense operations that are cut back to the active sites after every layer, and that is what it is held to.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from nuweave.config.models import NetworkConfig, ResNetConfig, UResNetConfig
from nuweave.models import AnchorOutputs, Logits, Outputs, build_network
from nuweave.sparse import SparseTensor
from tests.models.masked import MaskedLayers
from tests.sparse.helpers import random_tensor, relative_error

SHAPES = {2: (12, 16), 3: (8, 8, 12)}
ANCHORS = AnchorOutputs(stride=4, num_filters=8, num_blocks=1, detach=False)
LABELS = Outputs(site_classes=3, event_classes={"neutrino": 4}, anchors=ANCHORS)
EVENTS = Outputs(event_classes={"neutrino": 4, "protons": 2}, anchors=ANCHORS)
TINY = {"num_filters": 4, "depth": 2, "bottleneck": 8, "blocks_final": 1}
UNETS = [
    UResNetConfig(**TINY, block="residual", down="max_pooling", up="interpolation", connections="concat", bias=True),
    UResNetConfig(**TINY, block="plain", mix="axis", kernel_deepest=5, connections="sum", norm="group", bias=True),
    UResNetConfig(**TINY, block="convnext", norm="layer", mix="none", connections="none", growth="multiplicative"),
    UResNetConfig(**TINY, block="plain", norm="none", up="interpolation", bias=True),
    UResNetConfig(**TINY, block="preactivation", skips="input", up="interpolation", down="max_pooling"),
    UResNetConfig(**TINY, block="residual", norm="instance", mix="axis", down="max_pooling"),
    UResNetConfig(**TINY, block="residual", norm="sync_batch", dense_levels=2),
    UResNetConfig(**TINY, dense_levels=0, mix="none"),
]
ENCODERS = [
    ResNetConfig(num_filters=4, blocks=(1, 2, 1), dropout=0, pool="mean", block="residual"),
    ResNetConfig(num_filters=4, blocks=(1, 1, 1), dropout=0, pool="mean_and_max", block="plain", planes="mean"),
    ResNetConfig(num_filters=4, blocks=(1, 1, 1), dropout=0, block="preactivation", num_features=0),
    ResNetConfig(num_filters=4, blocks=(1, 1, 1), dropout=0, pool="mean_of_all", block="convnext", norm="layer"),
]


def name_of(config: UResNetConfig | ResNetConfig) -> str:
    """What a test is called."""
    return f"{config.kind}-{config.block}-{config.norm}"


def numbers(logits: Logits) -> Tensor:
    """All logits in a row."""
    return torch.cat(
        [logits.sites_NK.flatten(), logits.anchors_IAG.flatten(), *map(torch.flatten, logits.heads.values())]
    )


def trained(network: nn.Module, x: SparseTensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits, and the gradient of every parameter of a random projection of them."""
    found = numbers(network(x))
    direction = torch.randn(found.shape, generator=torch.Generator().manual_seed(1), dtype=found.dtype)
    torch.autograd.backward(found, direction)
    return found.detach(), {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def assert_same(first: nn.Module, second: nn.Module, x: SparseTensor) -> None:
    """The same logits and gradients; a gradient that is zero up to rounding (a bias ahead of a norm) is compared so."""
    (one, one_grads), (other, other_grads) = trained(first, x), trained(second, x)
    assert relative_error(one, other) < 1e-10
    assert one_grads.keys() == other_grads.keys() == dict(first.named_parameters()).keys()
    scale = max(float(grad.abs().max()) for grad in one_grads.values())
    for name, grad in one_grads.items():
        torch.testing.assert_close(grad, other_grads[name], rtol=1e-8, atol=1e-10 * scale, msg=name)


def build(config: NetworkConfig, outputs: Outputs, shape: tuple[int, ...], num_planes: int) -> nn.Module:
    torch.manual_seed(0)
    return build_network(config, outputs, num_planes=num_planes, shape=shape).double()


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("config", [*UNETS, *ENCODERS], ids=name_of)
def test_sparse_and_dense_layouts_agree_where_every_site_is_active(config: NetworkConfig, ndim: int) -> None:
    shape, num_planes = SHAPES[ndim], 3 if ndim == 2 else 1
    num_sites = 2 * num_planes * math.prod(shape)
    feat_NC = torch.rand(num_sites, 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    outputs = LABELS if isinstance(config, UResNetConfig) else EVENTS
    sparse = build(config, outputs, shape, num_planes)
    dense = build(config.model_copy(update={"layout": "dense"}), outputs, shape, num_planes)
    dense.load_state_dict(sparse.state_dict())
    assert_same(sparse, dense, SparseTensor(feat_NC, torch.arange(num_sites), shape, 2 * num_planes))
    for name, tensor in sparse.state_dict().items():
        torch.testing.assert_close(tensor, dense.state_dict()[name], msg=name)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(
    "config",
    [config for config in [*UNETS, *ENCODERS] if config.norm in ("none", "batch")],
    ids=name_of,
)
def test_the_sparse_layout_is_the_dense_graph_cut_to_active_sites_after_every_layer(
    config: NetworkConfig, ndim: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = {2: (13, 22), 3: (7, 10, 9)}[ndim]  # odd lengths round up on the way down
    num_planes = 3 if ndim == 2 else 1
    outputs = LABELS if isinstance(config, UResNetConfig) else EVENTS
    sparse = build(config, outputs, shape, num_planes)
    for room in ("uresnet", "resnet"):
        monkeypatch.setattr(f"nuweave.models.{room}.SparseLayers", MaskedLayers)
    masked = build(config, outputs, shape, num_planes)
    masked.load_state_dict(sparse.state_dict(), strict=False)
    assert_same(sparse, masked, random_tensor(3, shape=shape, num_images=2 * num_planes, num_channels=1))


def test_two_threads_give_what_one_gives() -> None:
    network = build(UNETS[0], LABELS, (13, 22), 3)
    x = random_tensor(3, shape=(13, 22), num_images=6, num_channels=1)
    results = []
    for num_threads in (1, 2):
        torch.set_num_threads(num_threads)
        network.zero_grad()
        results.append(trained(network, x))
    (one, one_grads), (two, two_grads) = results
    assert relative_error(one, two) < 1e-12
    assert all(
        relative_error(one_grads[name], two_grads[name]) < 1e-10 for name in ("stem.0.weight_KCE", "classify.0.bias_E")
    )
