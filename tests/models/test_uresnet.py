"""The segmentation network: shapes, gradients, size, shared weights, and that it can learn."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from nuweave.config import ConfigError
from nuweave.config.models import UResNetConfig
from nuweave.models import AnchorOutputs, Logits, Outputs, build_network
from nuweave.models.uresnet import UResNet
from nuweave.sparse import SparseTensor
from tests.models.helpers import A21, DEFAULT, POLARIS, SCC21, fp16_errors, input_of, missing_gradients, num_parameters

SMALL = UResNetConfig(num_filters=4, depth=2, blocks_deepest=1, bottleneck=8, block="residual")


def everything(logits: Logits) -> Tensor:
    """All logits side by side."""
    parts = [logits.sites_NK, logits.anchors_IAG, *logits.heads.values()]
    return torch.cat([part.flatten() for part in parts])


def total(logits: Logits) -> Tensor:
    """A number that depends on everything."""
    return everything(logits).square().sum()


def uresnet(config: UResNetConfig = SMALL, *, shape: tuple[int, ...], num_planes: int) -> nn.Module:
    torch.manual_seed(0)
    return build_network(config, Outputs(site_classes=3), num_planes=num_planes, shape=shape)


BATCH_PLAIN = UResNetConfig(num_filters=4, depth=2, bottleneck=8, block="plain", connections="sum", bias=True)
STYLES = [
    SMALL,
    BATCH_PLAIN.model_copy(update={"down": "max_pooling", "up": "interpolation", "blocks_final": 1, "dense_levels": 2}),
    SMALL.model_copy(update={"block": "convnext", "norm": "layer", "mix": "axis", "growth": "multiplicative"}),
    SMALL.model_copy(update={"block": "preactivation", "connections": "sum"}),
    SMALL.model_copy(update={"norm": "group", "connections": "none", "mix": "none", "dense_levels": 0}),
]
EVERYTHING = Outputs(
    site_classes=3, event_classes={"neutrino": 4}, anchors=AnchorOutputs(4, num_filters=8, num_blocks=1, detach=False)
)


@pytest.mark.parametrize("layout", ["sparse", "dense"])
@pytest.mark.parametrize("config", STYLES, ids=lambda config: f"{config.block}-{config.norm}")
@pytest.mark.parametrize(("shape", "num_planes"), [((20, 36), 3), ((8, 12, 8), 1)])
def test_every_output_has_its_shape_and_every_parameter_a_gradient(
    config: UResNetConfig, layout: str, shape: tuple[int, ...], num_planes: int
) -> None:
    torch.manual_seed(0)
    config = config.model_copy(update={"layout": layout})
    network = build_network(config, EVERYTHING, num_planes=num_planes, shape=shape)
    x = input_of(0, shape=shape, num_images=2 * num_planes)
    logits = network(x)
    assert isinstance(logits, Logits)
    assert logits.sites_NK.shape == (len(x.key_N), 3)
    assert logits.heads["neutrino"].shape == (2, 4)
    assert logits.anchors_IAG.shape == (2 * num_planes, 1 + len(shape), *(length // 4 for length in shape))
    torch.autograd.backward(total(logits))
    assert missing_gradients(network) == []
    if config.norm == "batch" and not config.bias:
        assert all(bool(p.grad.any()) for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("layout", ["sparse", "dense"])
@pytest.mark.parametrize("config", STYLES, ids=lambda config: f"{config.block}-{config.norm}")
@pytest.mark.parametrize(("num_events", "images"), [(0, []), (2, []), (2, [4])])
def test_events_without_sites_and_ranks_without_events_give_finite_gradients_everywhere(
    config: UResNetConfig, layout: str, num_events: int, images: list[int]
) -> None:
    config = config.model_copy(update={"layout": layout})
    network = build_network(config, EVERYTHING, num_planes=3, shape=(20, 32))
    x = input_of(0, shape=(20, 32), num_images=6)
    keep_N = torch.isin(x.images().index_N, torch.tensor(images))
    x = SparseTensor(x.feat_NC[keep_N], x.key_N[keep_N], x.shape, 3 * num_events)
    torch.autograd.backward(total(network(x)))
    assert missing_gradients(network) == []
    assert all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values())


@pytest.mark.parametrize(
    ("outputs", "highest"),
    [
        (Outputs(event_classes={"neutrino": 4}), []),
        (Outputs(anchors=AnchorOutputs(2, num_filters=4, num_blocks=0, detach=False)), ["1"]),
        (Outputs(site_classes=3), ["0", "1"]),
    ],
)
def test_the_way_up_ends_where_nothing_above_is_asked_for(outputs: Outputs, highest: list[str]) -> None:
    network = build_network(SMALL, outputs, num_planes=3, shape=(16, 16))
    assert isinstance(network, UResNet)
    assert list(network.up) == highest
    torch.autograd.backward(total(network(input_of(0, shape=(16, 16), num_images=3))))
    assert missing_gradients(network) == []


def test_boxes_leave_the_network_alone_if_asked() -> None:
    anchors = AnchorOutputs(4, num_filters=4, num_blocks=1, detach=True)
    network = build_network(SMALL, Outputs(site_classes=3, anchors=anchors), num_planes=3, shape=(16, 16))
    torch.autograd.backward(network(input_of(0, shape=(16, 16), num_images=3)).anchors_IAG.square().sum())
    with_gradient = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None}
    assert with_gradient == {"anchors"}


@pytest.mark.parametrize(("shape", "num_planes"), [((21, 34), 3), ((9, 12, 10), 1)])
def test_sparse_images_need_not_divide(shape: tuple[int, ...], num_planes: int) -> None:
    x = input_of(0, shape=shape, num_images=num_planes)
    assert uresnet(shape=shape, num_planes=num_planes)(x).sites_NK.shape == (len(x.key_N), 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layout": "dense"}, r"network.depth=2: halves whole images of 21 x 34 sites 2 times, .* divide by 4; try 0"),
        ({"dense_levels": 2}, r"network.depth=2: halves whole images of 11 x 17 sites 1 times"),
    ],
)
def test_whole_images_must_divide(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        uresnet(SMALL.model_copy(update=changes), shape=(21, 34), num_planes=3)


@pytest.mark.parametrize(
    ("ndim", "num_planes", "expected"),
    [(2, 3, 258_403), (3, 1, 702_435)],
)
def test_the_demo_network_has_this_many_parameters(ndim: int, num_planes: int, expected: int) -> None:
    network = uresnet(UResNetConfig(), shape=(64,) * ndim, num_planes=num_planes)
    assert num_parameters(network) == expected


@pytest.mark.parametrize("layout", ["sparse", "dense"])
@pytest.mark.parametrize(
    ("config", "expected"),
    [(DEFAULT, 18_382_131), (SCC21, 18_367_891), (A21, 8_510_547), (POLARIS, 1_926_403)],
    ids=["default", "scc21", "a21", "polaris"],
)
def test_the_networks_of_cosmic_tagger_have_their_number_of_parameters(
    config: UResNetConfig, expected: int, layout: str
) -> None:
    with torch.device("meta"):
        network = uresnet(config.model_copy(update={"layout": layout}), shape=(2048, 1280), num_planes=3)
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
    for parameter in network.deepest.split.parameters():
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


@pytest.mark.parametrize("layout", ["sparse", "dense"])
@pytest.mark.parametrize("config", STYLES, ids=lambda config: f"{config.block}-{config.norm}")
@pytest.mark.parametrize(("shape", "num_planes"), [((20, 36), 3), ((8, 12, 8), 1)])
def test_float16_stays_close_and_so_do_gradients_of_a_scaled_loss(
    config: UResNetConfig, layout: str, shape: tuple[int, ...], num_planes: int
) -> None:
    torch.manual_seed(0)
    config = config.model_copy(update={"layout": layout})
    network = build_network(config, EVERYTHING, num_planes=num_planes, shape=shape)
    x = input_of(0, shape=shape, num_images=2 * num_planes)
    of_logits, of_gradient = fp16_errors(network, lambda: everything(network(x)))
    assert of_logits < 0.01
    assert of_gradient < 0.25


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


@pytest.mark.parametrize("layout", ["sparse", "dense"])
def test_plain_weights_make_the_same_network_again(layout: str, tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"layout": layout})
    network, again = (uresnet(config, shape=(16, 16), num_planes=3) for _ in range(2))
    x = input_of(0, shape=(16, 16), num_images=6)
    torch.autograd.backward(network(x).sites_NK.sum())  # running statistics have moved
    for parameter in network.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    again.load_state_dict(load_file(tmp_path / "model.safetensors"))
    assert torch.equal(again.eval()(x).sites_NK, network.eval()(x).sites_NK)


@pytest.mark.parametrize("mix", ["channels", "axis", "none"])
def test_channels_are_innermost_in_memory_all_the_way_up(mix: str) -> None:
    network = uresnet(SMALL.model_copy(update={"layout": "dense", "mix": mix}), shape=(8, 12), num_planes=3)
    seen: list[bool] = []
    for level in network.get_submodule("up").children():
        level.register_forward_hook(lambda _, inputs, out: seen.extend(map(innermost, (*inputs, out))))
    network(input_of(0, shape=(8, 12), num_images=6))
    assert seen == [True] * 6


def innermost(x_ICS: Tensor) -> bool:
    """Whether the channels of a site lie side by side in memory."""
    return x_ICS.movedim(1, -1).is_contiguous()
