"""Memory for time: what is inside of a block is forgotten in the forward pass and computed again in the backward pass.

As in 1604.06174, with torch's own checkpoints; a training step costs at most one more forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from nuweave.models.blocks import ConvBlock, ResidualBlock, ShortcutBlock
from nuweave.models.cvn import Inception
from nuweave.models.features import values_of
from nuweave.models.uresnet import DownLevel, UpLevel
from nuweave.sparse import SparseTensor

BLOCKS = (DownLevel, UpLevel, Inception, ResidualBlock, ShortcutBlock, ConvBlock)


def recompute_blocks(network: nn.Module) -> None:
    """Make the blocks of a network, levels of a U-ResNet as a whole, keep their inputs only, in training.

    Losses, gradients, running statistics and names of parameters stay as they are, and so does evaluation. With
    sync_batch norms a backward pass exchanges the sums of the forward pass again, on all ranks in the same order.
    """
    for child in network.children():
        if isinstance(child, BLOCKS):
            child.forward = partial(_forward, child, child.forward)  # type: ignore[method-assign]
        else:
            recompute_blocks(child)


def _forward(block: nn.Module, forward: Callable[..., Any], *inputs: SparseTensor | Tensor) -> Any:
    """What `forward` returns. Values go to the checkpoint as tensors, so that it sees and guards what it keeps."""
    if not (block.training and torch.is_grad_enabled()):
        return forward(*inputs)

    def run(*values: Tensor) -> Any:
        paired = zip(inputs, values, strict=True)
        return forward(*(x.replace(new) if isinstance(x, SparseTensor) else new for x, new in paired))

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _buffers_kept(block)

    return checkpoint(run, *map(values_of, inputs), use_reentrant=False, context_fn=contexts)


@contextmanager
def _buffers_kept(block: nn.Module) -> Iterator[None]:
    """Running statistics afterwards are what they were before: a batch moves them once."""
    before = [buffer.clone() for buffer in block.buffers()]
    try:
        yield
    finally:
        for buffer, value in zip(block.buffers(), before, strict=True):
            buffer.copy_(value)
