"""Operations and memory are those that are counted by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nuweave.bench.cost import Measured, measure
from nuweave.sparse import DepthwiseConv, SparseTensor, StridedConv, SubmanifoldConv, to_dense
from tests.sparse.helpers import tensor_of

HEIGHT, WIDTH = 6, 10
FLOAT, INDEX = 4, 4  # bytes


class Dense(nn.Module):
    """Layers on the dense images."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: SparseTensor) -> Tensor:
        """What the last layer returns."""
        out: Tensor = self.layers(to_dense(x))
        return out


def dense(*layers: nn.Module, device: str = "meta") -> Measured:
    """Counted on one image of HEIGHT x WIDTH."""
    key_N = torch.zeros(1, dtype=torch.int64, device=device)
    x = SparseTensor(torch.zeros(1, 1, device=device), key_N, (HEIGHT, WIDTH), 1)
    return measure(Dense(*layers).to(device), x)


def three_in_a_row() -> SparseTensor:
    """Three neighbours in the middle row of an image: 3 + 2 * 2 pairs of a 3 x 3 kernel."""
    x = tensor_of([11, 12, 13], shape=(3, 10))
    return x.replace(x.feat_NC.float())


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_dense_convolution_multiplies_all_of_its_kernel_at_every_site(device: str) -> None:
    cost = dense(nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 5, 1), device=device).cost
    first, second = 2 * 9 * 4 * HEIGHT * WIDTH, 2 * 4 * 5 * HEIGHT * WIDTH
    assert cost.flop_forward == first + second
    assert cost.flop_backward == first + 2 * second  # nobody wants the gradient of the image


def test_a_strided_convolution_counts_its_outputs_and_a_transposed_one_its_inputs() -> None:
    cost = dense(nn.Conv2d(1, 4, 2, stride=2), nn.ConvTranspose2d(4, 3, 2, stride=2)).cost
    down, up = (2 * 4 * 4 * HEIGHT * WIDTH // 4, 2 * 4 * 4 * 3 * HEIGHT * WIDTH // 4)
    assert (cost.flop_forward, cost.flop_backward) == (down + up, down + 2 * up)


def test_a_dense_depthwise_convolution_does_not_mix_channels() -> None:
    cost = dense(nn.Conv2d(1, 8, 1), nn.Conv2d(8, 8, 3, padding=1, groups=8)).cost
    mix, depthwise = 2 * 8 * HEIGHT * WIDTH, 2 * 9 * 8 * HEIGHT * WIDTH
    assert (cost.flop_forward, cost.flop_backward) == (mix + depthwise, mix + 2 * depthwise)


def test_a_sparse_convolution_multiplies_pairs_of_sites() -> None:
    layers = [SubmanifoldConv(1, 4, ndim=2, kernel_size=3), StridedConv(4, 5, ndim=2)]
    cost = measure(nn.Sequential(*layers), three_in_a_row()).cost
    first, second = 2 * 7 * 4, 2 * 3 * 4 * 5
    assert (cost.flop_forward, cost.flop_backward) == (first + second, first + 2 * second)


def test_a_sparse_depthwise_convolution_counts_too() -> None:
    layers = [SubmanifoldConv(1, 4, ndim=2, kernel_size=1), DepthwiseConv(4, ndim=2, kernel_size=3)]
    cost = measure(nn.Sequential(*layers), three_in_a_row()).cost
    mix, depthwise = 2 * 3 * 4, 2 * 7 * 4
    assert (cost.flop_forward, cost.flop_backward) == (mix + depthwise, mix + 2 * depthwise)


def test_memory_that_two_layers_keep_counts_once_and_weights_do_not() -> None:
    cost = dense(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 1)).cost
    image, activation = HEIGHT * WIDTH * FLOAT, 4 * HEIGHT * WIDTH * FLOAT
    assert (cost.saved_bytes, cost.map_bytes) == (image + activation, 0)


def test_kernel_maps_count_once_for_all_convolutions_on_the_same_sites() -> None:
    one, two, three = (
        measure(nn.Sequential(*(SubmanifoldConv(1, 1, ndim=2, kernel_size=3) for _ in range(num))), three_in_a_row())
        for num in (1, 2, 3)
    )
    assert 2 * 7 * INDEX <= one.cost.map_bytes <= two.cost.map_bytes  # which alone goes back to its input
    assert two.cost.map_bytes == three.cost.map_bytes
    assert [found.cost.saved_bytes for found in (one, two, three)] == [3 * FLOAT, 2 * 3 * FLOAT, 3 * 3 * FLOAT]


def test_layers_are_what_holds_parameters() -> None:
    found = dense(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 4 * 8, 2))
    assert [(one.name, one.kind, one.num_parameters, one.output_shape) for one in found.layers] == [
        ("layers.0", "Conv2d", 40, (1, 4, 4, 8)),
        ("layers.2", "BatchNorm2d", 8, (1, 4, 4, 8)),
        ("layers.4", "Linear", 258, (1, 2)),
    ]
    assert found.num_parameters == 306
