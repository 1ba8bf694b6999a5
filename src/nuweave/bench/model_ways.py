"""What `bench model` times: ours and what it is measured against, each from the same sites to a loss and back.

A forward pass is without gradients. A loss is the sum of the squares of all logits at the active sites.
Shapes: N sites, K classes, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from nuweave.bench.model_events import fresh
from nuweave.bench.plain_uresnet import NUM_CLASSES, NUM_PLANES, PlainUResNet
from nuweave.config.models import UResNetConfig
from nuweave.models import Outputs, build_network
from nuweave.sparse import SparseTensor, SubmanifoldConv
from nuweave.sparse.maps import Group

A21 = UResNetConfig(
    num_filters=8,
    depth=6,
    blocks_per_level=2,
    blocks_deepest=5,
    blocks_final=0,
    kernel_deepest=5,
    bottleneck=256,
    block="plain",
    connections="sum",
    skips="input",
    growth="additive",
    down="max_pooling",
    up="interpolation",
    mix="channels",
    norm="batch",
    bias=True,
)
NUM_LAYERS, NUM_CHANNELS = 6, 16

Side = Literal["sparse", "dense", "plain"]
LAYOUTS: tuple[Side, ...] = ("sparse", "dense")
SIDES: tuple[Side, ...] = (*LAYOUTS, "plain")
Ways = dict[str, Callable[[], object]]  # name -> work


def network_of(side: Side, shape: tuple[int, ...]) -> nn.Module:
    """A new network that labels sites: ours on active sites or on whole images, or the plain transcription."""
    return PlainUResNet() if side == "plain" else our_network(A21.model_copy(update={"layout": side}), shape)


def our_network(config: UResNetConfig, shape: tuple[int, ...]) -> nn.Module:
    """A network of ours that labels sites."""
    torch.manual_seed(0)
    return build_network(config, Outputs(site_classes=NUM_CLASSES), num_planes=NUM_PLANES, shape=shape)


def site_logits(network: nn.Module, x: SparseTensor) -> Tensor:
    """Logits at the active sites, [N, K]; no map is there beforehand."""
    logits_NK: Tensor = network(fresh(x)).sites_NK
    return logits_NK


def dense_ways(x: SparseTensor) -> Ways:
    """Our dense network in float32 and bfloat16 against plain torch in float32, forward, and forward and backward."""
    ours, plain = network_of("dense", x.shape), network_of("plain", x.shape)

    def bfloat16_logits() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return site_logits(ours, x)

    sides: dict[str, tuple[Callable[[], Tensor], nn.Module]] = {
        "plain": (partial(site_logits, plain, x), plain),
        "ours": (partial(site_logits, ours, x), ours),
        "bfloat16": (bfloat16_logits, ours),
    }
    ways: Ways = {f"{name}_forward": _forward(logits) for name, (logits, _) in sides.items()}
    return ways | {f"{name}_both": _both(logits, list(net.parameters())) for name, (logits, net) in sides.items()}


def layout_ways(x: SparseTensor) -> Ways:
    """Our network on active sites, its maps built anew each time, and on whole images."""
    networks = {side: network_of(side, x.shape) for side in LAYOUTS}
    return {side: _both(partial(site_logits, net, x), list(net.parameters())) for side, net in networks.items()}


def layer_ways(x: SparseTensor) -> Ways:
    """Layers of ours, and the same sums in plain torch, the maps of both built beforehand."""
    torch.manual_seed(0)
    layers = nn.Sequential(
        *(SubmanifoldConv(NUM_CHANNELS, NUM_CHANNELS, ndim=2, kernel_size=3) for _ in range(NUM_LAYERS))
    )
    feat_NC = torch.randn(len(x.key_N), NUM_CHANNELS, requires_grad=True)
    kernel = x.neighbours(3)
    centre = kernel.centre
    assert centre is not None
    pairs = [Group(offset, source_P.long(), target_P.long()) for offset, source_P, target_P in kernel.groups]
    weights = list(layers.parameters())

    def plain_passes() -> Tensor:
        out_NC = feat_NC
        for weight in weights:
            out_NC = plain_pass(out_NC, weight, pairs, centre=centre)
        return out_NC

    def our_layers() -> Tensor:
        out: SparseTensor = layers(x.replace(feat_NC))
        return out.feat_NC

    inputs = [feat_NC, *weights]
    return {"ours_layers": _both(our_layers, inputs), "plain_layers": _both(plain_passes, inputs)}


def plain_pass(feat_NC: Tensor, weight_KCE: Tensor, pairs: Sequence[Group], *, centre: int) -> Tensor:
    """A submanifold convolution an offset at a time under torch's own autograd; the centre is a product of all rows."""
    weights = weight_KCE.unbind(0)
    out_NE = feat_NC @ weights[centre]
    for offset, source_P, target_P in pairs:
        if offset != centre:
            out_NE.index_add_(0, target_P, feat_NC.index_select(0, source_P) @ weights[offset])
    return out_NE


def training_step(network: nn.Module, x: SparseTensor) -> Callable[[], None]:
    """Forward, backward, a step of AdamW."""
    optimizer = torch.optim.AdamW(network.parameters())

    def step() -> None:
        optimizer.zero_grad()
        torch.autograd.backward(site_logits(network, x).square().sum())
        optimizer.step()

    return step


def _forward(logits: Callable[[], Tensor]) -> Callable[[], object]:
    return torch.no_grad()(logits)


def _both(logits: Callable[[], Tensor], inputs: list[Tensor]) -> Callable[[], object]:
    return lambda: torch.autograd.grad(logits().float().square().sum(), inputs)
