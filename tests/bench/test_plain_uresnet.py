"""The plain transcription is the network that it stands for."""

from __future__ import annotations

import torch
from torch import nn

from nuweave.bench.model_ways import network_of
from nuweave.bench.plain_uresnet import PlainUResNet
from nuweave.models.dense import DenseConv, torch_layout
from tests.models.helpers import input_of, num_parameters
from tests.sparse.helpers import relative_error

SHAPE = (64, 128)


def copy_weights(ours: nn.Module, plain: nn.Module) -> None:
    """All weights and running statistics; both name their layers in the same order."""
    convolutions = [layer for layer in plain.modules() if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in plain.modules() if isinstance(layer, nn.BatchNorm2d)]
    for layer in ours.modules():
        if isinstance(layer, DenseConv):
            convolution = convolutions.pop(0)
            assert layer.bias_E is not None
            state = {"weight": torch_layout(layer.weight_KCE, layer.kernel), "bias": layer.bias_E}
            convolution.load_state_dict(state)
        elif isinstance(layer, nn.BatchNorm1d):
            norms.pop(0).load_state_dict(layer.state_dict())
    assert not convolutions
    assert not norms


def randomise(network: nn.Module) -> None:
    """No bias, scale or running statistic keeps the value that it has in every new network."""
    torch.manual_seed(1)
    for tensor in [*network.parameters(), *network.buffers()]:
        if tensor.ndim == 1:
            nn.init.uniform_(tensor.data, 0.5, 1.5)


def test_its_parameters_are_as_many_as_those_of_the_reference_and_of_ours() -> None:
    assert num_parameters(PlainUResNet()) == num_parameters(network_of("dense", SHAPE)) == 8_510_547


def test_with_our_weights_it_gives_our_logits() -> None:
    ours = network_of("dense", SHAPE).double().eval()
    plain = PlainUResNet().double().eval()
    randomise(ours)
    copy_weights(ours, plain)
    x = input_of(3, shape=SHAPE, num_images=3)
    x = x.replace(x.feat_NC.double())
    with torch.no_grad():
        found_NK = ours(x).sites_NK
        assert found_NK.std() > 1e-3
        assert relative_error(plain(x).sites_NK, found_NK) < 1e-10


def test_it_keeps_the_memory_layout_that_torch_starts_from() -> None:
    plain = PlainUResNet()
    seen: list[bool] = []
    for layer in plain.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _, _inputs, out: seen.append(out.is_contiguous()))
    plain(input_of(3, shape=SHAPE, num_images=3))
    assert len(seen) == 3 * (1 + 6 * 3 + 6 * 3 + 1) + 7
    assert all(seen)
