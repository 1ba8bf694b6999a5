"""Recomputed blocks change memory and time, and no number: loss, gradients, buffers and names are bitwise the same."""

from __future__ import annotations

import copy
from collections import Counter

import pytest
import torch
from torch import Tensor, nn

from nuweave.config.models import CVNConfig, NetworkConfig, ResNetConfig, UResNetConfig
from nuweave.models import Outputs, build_network, recompute_blocks
from nuweave.models.recompute import BLOCKS
from nuweave.sparse import SparseTensor
from tests.models.helpers import input_of
from tests.models.test_uresnet import EVERYTHING, total

URESNET = UResNetConfig(num_filters=4, depth=2, blocks_deepest=1, blocks_final=1, bottleneck=8, bias=True)
RESNET = ResNetConfig(num_filters=4, blocks=(1, 2), num_features=8, dropout=0.5)
EVENTS = Outputs(event_classes={"neutrino": 4})
STYLES = [
    {"block": "plain", "norm": "batch"},
    {"block": "residual", "norm": "sync_batch"},
    {"block": "preactivation", "norm": "batch"},
    {"block": "convnext", "norm": "layer"},
    {"block": "plain", "norm": "none"},
]
WAYS = {"down": "max_pooling", "up": "interpolation", "connections": "sum"}
CONFIGS: list[NetworkConfig] = [
    *(kind.model_copy(update=style) for kind in (URESNET, RESNET) for style in STYLES),
    URESNET.model_copy(update=WAYS),
    URESNET.model_copy(update={"norm": "group", "mix": "axis", "skips": "input"}),
]
STEPS = 2  # the second starts from running statistics that the first has moved


def network_of(config: NetworkConfig, *, shape: tuple[int, ...] = (16, 24)) -> nn.Module:
    torch.manual_seed(0)
    outputs = EVERYTHING if config.kind == "uresnet" else EVENTS
    return build_network(config, outputs, num_planes=3, shape=shape)


def recomputed(network: nn.Module) -> nn.Module:
    """A network with the same weights that computes its blocks again."""
    again = copy.deepcopy(network)
    recompute_blocks(again)
    return again


def trained(network: nn.Module, x: SparseTensor, *, precision: torch.dtype | None = None) -> list[Tensor]:
    """Losses of a few steps, then every gradient and every weight and buffer."""
    torch.manual_seed(1)  # of dropout
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        with torch.autocast("cpu", precision, enabled=precision is not None):
            logits = network(SparseTensor(x.feat_NC, x.key_N, x.shape, x.num_images))
        loss = total(logits)
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.detach())
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    assert len(gradients) == len(list(network.parameters()))
    return [*losses, *gradients, *network.state_dict().values(), torch.get_rng_state()]


def assert_same(found: list[Tensor], expected: list[Tensor]) -> None:
    assert [torch.equal(one, other) for one, other in zip(found, expected, strict=True)] == [True] * len(expected)


def kept_bytes(network: nn.Module, x: SparseTensor) -> int:
    """Kept between the forward and the backward pass, each piece of memory once, parameters left out."""
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        logits = network(x)
    weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
    assert logits.sites_NK.requires_grad
    return sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in weights)


@pytest.mark.parametrize("layout", ["sparse", "dense"])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.kind}-{config.block}-{config.norm}")
def test_losses_gradients_and_buffers_are_bitwise_those_without(config: NetworkConfig, layout: str) -> None:
    network = network_of(config.model_copy(update={"layout": layout}))
    again = recomputed(network)
    x = input_of(0, shape=(16, 24), num_images=6)
    assert_same(trained(again, x), trained(network, x))
    assert list(again.state_dict()) == list(network.state_dict())


@pytest.mark.parametrize("norm", ["batch", "local_response"])
def test_towers_of_inception_modules_are_bitwise_those_without(norm: str) -> None:
    network = network_of(CVNConfig.model_validate({"num_filters": 4, "norm": norm}), shape=(32, 32))
    x = input_of(0, shape=(32, 32), num_images=6)
    assert_same(trained(recomputed(network), x), trained(network, x))


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("layout", ["sparse", "dense"])
def test_blocks_are_computed_again_in_the_same_precision(layout: str, precision: torch.dtype) -> None:
    network = network_of(URESNET.model_copy(update={"layout": layout}))
    x = input_of(0, shape=(16, 24), num_images=6)
    assert_same(trained(recomputed(network), x, precision=precision), trained(network, x, precision=precision))


@pytest.mark.parametrize("num_images", [0, 6])
def test_batches_without_a_site_are_computed_again(num_images: int) -> None:
    network = network_of(URESNET)
    nothing = torch.empty(0, dtype=torch.int64)
    x = SparseTensor(torch.empty(0, 1), nothing, (16, 24), num_images)
    assert_same(trained(recomputed(network), x), trained(network, x))


def test_gradients_of_several_batches_add_up_as_without() -> None:
    network = network_of(RESNET.model_copy(update={"dropout": 0.0}))
    gradients = []
    for one in (network, recomputed(network)):
        losses = [total(one(input_of(seed, shape=(16, 24), num_images=6))) for seed in (0, 1)]
        torch.autograd.backward(losses[0] + losses[1])  # both graphs were there at once
        gradients.append([*(p.grad for p in one.parameters() if p.grad is not None), *one.buffers()])
    assert_same(gradients[1], gradients[0])


def test_a_change_of_what_a_block_keeps_is_an_error_and_no_wrong_gradient() -> None:
    network = network_of(URESNET)
    recompute_blocks(network)
    x = input_of(0, shape=(16, 24), num_images=6)
    loss = total(network(x))
    x.feat_NC.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.backward(loss)


@pytest.mark.parametrize("layout", ["sparse", "dense"])
def test_the_demo_network_keeps_less_than_a_third_for_the_backward_pass(layout: str) -> None:
    torch.manual_seed(0)
    config = UResNetConfig().model_copy(update={"layout": layout})
    network = build_network(config, Outputs(site_classes=3), num_planes=3, shape=(128, 80))
    x = input_of(0, shape=(128, 80), num_images=3, occupancy=0.05)
    assert kept_bytes(recomputed(network), x) < kept_bytes(network, x) / 3


def test_blocks_run_twice_in_training_and_once_in_evaluation_and_without_gradients() -> None:
    network = network_of(URESNET)
    recompute_blocks(network)
    runs: Counter[str] = Counter()
    inner = [
        f"{name}.{part}"
        for name, block in network.named_modules()
        if isinstance(block, BLOCKS)
        for part, _ in block.named_children()
    ]
    for name in inner:
        network.get_submodule(name).register_forward_pre_hook(lambda *_, name=name: runs.update([name]))
    x = input_of(0, shape=(16, 24), num_images=6)
    with torch.no_grad():
        network(x)
    assert set(runs.values()) == {1}
    torch.autograd.backward(total(network.eval()(x)))
    assert set(runs.values()) == {2}
    torch.autograd.backward(total(network.train()(x)))
    assert set(runs.values()) == {4}
