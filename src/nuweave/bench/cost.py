"""What an event costs a network: operations, and memory that is kept until the backward pass.

The network runs once, forward and backward, in training mode. On torch's meta device nothing is computed, so that a
dense network of any size is counted at once; a sparse one runs in earnest, for its cost hangs on where the sites lie.
A multiplication with its addition is 2 FLOP; convolutions and products of matrices count, all else does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from nuweave.sparse import DepthwiseConv, SparseTensor


@dataclass(frozen=True)
class Layer:
    """A module with parameters of its own.

    Attributes:
        name: its place in the network.
        kind: its class.
        num_parameters: of its own.
        output_shape: [sites, channels] of a sparse layer; of a dense one as torch has it; empty where it did not run.
    """

    name: str
    kind: str
    num_parameters: int
    output_shape: tuple[int, ...]


@dataclass(frozen=True)
class Cost:
    """Of one forward and one backward pass.

    Attributes:
        flop_forward, flop_backward: operations.
        saved_bytes: what the forward pass keeps for the backward pass, parameters and kernel maps not counted.
        map_bytes: kernel maps, which stay as long.
    """

    flop_forward: int
    flop_backward: int
    saved_bytes: int
    map_bytes: int


class Measured(NamedTuple):
    """A network on an input.

    Attributes:
        num_parameters: of the network.
        layers: what holds them, in the order of their definition.
        cost: of the input.
    """

    num_parameters: int
    layers: list[Layer]
    cost: Cost


def measure(network: nn.Module, x: SparseTensor) -> Measured:
    """Run a network on `x`, and count.

    Args:
        network: on the device of x; it is left in training mode, with gradients.
        x: what it takes; its caches are taken for those of this run.
    """
    network.train()
    own, saved, watch = Storages(), Storages(), _Watch(network)
    own.add_all([*network.parameters(), *network.buffers()])
    with FlopCounterMode(display=False, custom_mapping=BACKWARD_FLOP) as counter, watch:
        with saved_tensors_hooks(saved.add, lambda tensor: tensor):
            outputs = [tensor for tensor in tensors_in(network(x)) if tensor.requires_grad]
        flop_forward = counter.get_total_flops()
        torch.autograd.backward(outputs, [torch.ones_like(output) for output in outputs])
        flop_backward = counter.get_total_flops() - flop_forward
    maps = Storages()
    maps.add_all(tensors_in(x.maps))
    cost = Cost(
        flop_forward=flop_forward + watch.flop_forward,
        flop_backward=flop_backward + watch.flop_backward,
        saved_bytes=saved.bytes_without(own, maps),
        map_bytes=maps.bytes_without(),
    )
    num_parameters = sum(parameter.numel() for parameter in network.parameters())
    return Measured(num_parameters, watch.layers(), cost)


def tensors_in(thing: object) -> Iterator[Tensor]:
    """Every tensor in dataclasses, what they have cached included, and in mappings and sequences."""
    if isinstance(thing, Tensor):
        yield thing
    elif is_dataclass(thing):
        yield from tensors_in(vars(thing))
    elif isinstance(thing, Mapping):
        yield from tensors_in(list(thing.values()))
    elif isinstance(thing, list | tuple):
        for part in thing:
            yield from tensors_in(part)


class Storages:
    """The memory behind tensors, each piece once, however many tensors look at it; kept, so that no address returns."""

    def __init__(self) -> None:
        self.found: dict[int, torch.UntypedStorage] = {}

    def add(self, tensor: Tensor) -> Tensor:
        """Remember the memory of `tensor`; returns its values."""
        storage = tensor.untyped_storage()
        self.found[storage._cdata] = storage
        return tensor.detach()

    def add_all(self, tensors: Sequence[Tensor] | Iterator[Tensor]) -> None:
        """Remember the memory of all of them."""
        for tensor in tensors:
            self.add(tensor)

    def bytes_without(self, *others: Storages) -> int:
        """Size of what none of the others has."""
        known = set().union(*(other.found for other in others))
        return sum(storage.nbytes() for place, storage in self.found.items() if place not in known)


class _Watch:
    """Hooks on the layers of a network: what they return, and the operations that torch's counter does not see.

    Those are sparse depthwise convolutions, products of numbers and not of matrices.
    """

    def __init__(self, network: nn.Module) -> None:
        self.modules = {
            name: module for name, module in network.named_modules() if list(module.parameters(recurse=False))
        }
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.flop_forward = self.flop_backward = 0

    def __enter__(self) -> None:
        self.hooks = [module.register_forward_hook(partial(self._see, name)) for name, module in self.modules.items()]

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def _see(self, name: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        feat = output.feat_NC if isinstance(output, SparseTensor) else output
        self.shapes[name] = tuple(feat.shape)
        if isinstance(module, DepthwiseConv):
            (x,) = inputs
            kernel_size = round(len(module.weight_KCE) ** (1 / x.ndim))
            flop = 2 * x.neighbours(kernel_size).num_pairs * feat.shape[1]
            self.flop_forward += flop
            self.flop_backward += flop * (2 if x.feat_NC.requires_grad else 1)

    def layers(self) -> list[Layer]:
        """What was seen."""
        return [
            Layer(name, type(module).__name__, num_own, self.shapes.get(name, ()))
            for name, module in self.modules.items()
            for num_own in [sum(parameter.numel() for parameter in module.parameters(recurse=False))]
        ]


def _convolution_backward(
    grad_shape: list[int], x_shape: list[int], w_shape: list[int], *settings: Any, **_out_shape: Any
) -> int:
    """Each gradient that is asked for costs as much as the forward pass; torch counts depthwise ones too high."""
    transposed, (of_x, of_w, _of_bias) = settings[4], settings[7]
    flop: int = conv_flop_count(x_shape, w_shape, grad_shape, transposed=transposed)
    return flop * (bool(of_x) + bool(of_w))


BACKWARD_FLOP = {torch.ops.aten.convolution_backward: _convolution_backward}
