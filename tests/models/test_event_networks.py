"""What networks for events must do: logits, gradients, events apart, half precision, plain weights, learning."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from nuweave.config.models import AlexNetConfig, CVNConfig, NetworkConfig, ResNetConfig
from nuweave.models import Outputs, build_network
from nuweave.sparse import SparseTensor
from tests.models.helpers import fp16_errors, input_of, missing_gradients

HEADS = {"neutrino": 3, "protons": 3, "charged_pions": 2, "neutral_pions": 2}
PLANES = 3
SHAPE = (64, 72)
SMALL = {"cvn": (23, 23), "alexnet": (57, 57), "resnet": (16, 16)}
RESNET = ResNetConfig(num_filters=4, blocks=(1, 1, 1), num_features=16, dropout=0, block="residual")
STYLES = [
    RESNET,
    RESNET.model_copy(update={"blocks": (2, 1, 1), "block": "plain", "pool": "mean_of_all", "num_features": 0}),
    RESNET.model_copy(update={"block": "convnext", "norm": "layer", "pool": "mean"}),
]
CONFIGS = [
    *STYLES,
    *(config.model_copy(update={"layout": "dense"}) for config in STYLES),
    CVNConfig(num_filters=4, dropout=0),
    CVNConfig(num_filters=4, dropout=0, shared_towers=True),
    CVNConfig(num_filters=4, dropout=0, norm="local_response"),
    AlexNetConfig(num_filters=4, dropout=0),
    AlexNetConfig(num_filters=4, dropout=0, head="global_average"),
]
NAMES = [
    *("residual", "plain", "convnext", "dense_residual", "dense_plain", "dense_convnext"),
    *("cvn", "cvn_shared", "cvn_lrn", "alexnet", "alexnet_nin"),
]
every_network = pytest.mark.parametrize("config", CONFIGS, ids=NAMES)


def network_of(config: NetworkConfig, *, shape: tuple[int, ...] = SHAPE) -> nn.Module:
    torch.manual_seed(0)
    return build_network(config, Outputs(event_classes=HEADS), num_planes=PLANES, shape=shape)


def logits_of(network: nn.Module, x: SparseTensor) -> Tensor:
    """Of all heads side by side, [B, 10]."""
    return torch.cat(list(network(x).heads.values()), dim=1)


def only(x: SparseTensor, images: list[int], *, num_images: int) -> SparseTensor:
    """The sites of some images."""
    keep_N = torch.isin(x.images().index_N, torch.tensor(images))
    return SparseTensor(x.feat_NC[keep_N], x.key_N[keep_N], x.shape, num_images)


@every_network
def test_every_event_gets_logits_of_every_head_and_every_parameter_a_gradient(config: NetworkConfig) -> None:
    network = network_of(config)
    heads = network(input_of(0, shape=SHAPE, num_images=4 * PLANES)).heads
    assert {head: tuple(logits_BK.shape) for head, logits_BK in heads.items()} == {
        head: (4, num_classes) for head, num_classes in HEADS.items()
    }
    torch.autograd.backward(torch.cat(list(heads.values()), dim=1).square().sum())
    assert missing_gradients(network) == []
    assert all(bool(p.grad.any()) for p in network.parameters() if p.grad is not None)


@every_network
@pytest.mark.parametrize(("images", "num_events"), [([], 0), ([], 2), ([4], 2)], ids=["none", "empty", "one_image"])
def test_images_without_sites_give_finite_logits_and_gradients(
    config: NetworkConfig, images: list[int], num_events: int
) -> None:
    network = network_of(config)
    x = only(input_of(0, shape=SHAPE, num_images=2 * PLANES), images, num_images=num_events * PLANES)
    out_BK = logits_of(network, x)
    assert out_BK.shape == (num_events, 10)
    assert torch.isfinite(out_BK).all()
    torch.autograd.backward(out_BK.sum())
    assert missing_gradients(network) == []


@every_network
def test_one_event_trains_on_small_images(config: NetworkConfig) -> None:
    shape = SMALL[config.kind]
    network = network_of(config, shape=shape)
    torch.autograd.backward(logits_of(network, input_of(0, shape=shape, num_images=PLANES)).sum())
    assert missing_gradients(network) == []


@every_network
def test_events_do_not_see_each_other(config: NetworkConfig) -> None:
    network = network_of(config).eval()
    x = input_of(0, shape=SHAPE, num_images=2 * PLANES)
    alone = logits_of(network, only(x, [0, 1, 2], num_images=PLANES))
    torch.testing.assert_close(alone, logits_of(network, x)[:1])


@every_network
def test_planes_keep_their_identity(config: NetworkConfig) -> None:
    network = network_of(config).eval()
    x = input_of(0, shape=SHAPE, num_images=PLANES)
    volume = SHAPE[0] * SHAPE[1]
    plane_N = (x.images().index_N + 1) % PLANES  # the last plane becomes the first
    key_N, order_N = (plane_N * volume + x.key_N % volume).sort()
    turned = SparseTensor(x.feat_NC[order_N], key_N, x.shape, PLANES)
    assert not torch.allclose(logits_of(network, turned), logits_of(network, x))


@every_network
@pytest.mark.parametrize("autocast", [True, False])
def test_bfloat16_trains_every_parameter_and_stays_close(config: NetworkConfig, autocast: bool) -> None:
    network = network_of(config)
    x = input_of(0, shape=SHAPE, num_images=4 * PLANES)
    exact = logits_of(network, x)
    if not autocast:
        network, x = network.bfloat16(), x.replace(x.feat_NC.bfloat16())
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        logits = logits_of(network, x)
    assert float((logits.float() - exact).detach().abs().mean() / exact.detach().abs().mean()) < 0.1
    torch.autograd.backward(logits.float().sum())
    assert missing_gradients(network) == []


@every_network
def test_float16_stays_close_and_so_do_gradients_of_a_scaled_loss(config: NetworkConfig) -> None:
    network = network_of(config)
    x = input_of(0, shape=SHAPE, num_images=4 * PLANES)
    of_logits, of_gradient = fp16_errors(network, lambda: logits_of(network, x))
    assert of_logits < 0.01
    assert of_gradient < 0.2


@every_network
def test_plain_weights_make_the_same_network_again(config: NetworkConfig, tmp_path: Path) -> None:
    network, again = network_of(config), network_of(config)
    x = input_of(0, shape=SHAPE, num_images=2 * PLANES)
    torch.autograd.backward(logits_of(network, x).sum())  # running statistics have moved
    for parameter in network.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    again.load_state_dict(load_file(tmp_path / "model.safetensors"))
    assert torch.equal(logits_of(again.eval(), x), logits_of(network.eval(), x))


@every_network
def test_eight_random_events_are_learnt_by_heart(config: NetworkConfig) -> None:
    network = network_of(config, shape=SMALL[config.kind])
    x = input_of(0, shape=SMALL[config.kind], num_images=8 * PLANES, occupancy=0.1)
    generator = torch.Generator().manual_seed(1)
    truth = {head: torch.randint(num, (8,), generator=generator) for head, num in HEADS.items()}
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(60 if config.kind == "resnet" else 30):
        heads = network(x).heads
        loss = torch.stack([functional.cross_entropy(heads[head], truth[head]) for head in HEADS]).mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    assert loss.item() < 0.05
