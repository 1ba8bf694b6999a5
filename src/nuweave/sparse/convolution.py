"""Convolutions on active sites: exact, repeatable, accumulated in float32 or wider.

Shapes: N sites (M coarse), C channels in, E channels out, K kernel offsets in C order, P pairs.
Every kernel offset is one gather, one matrix product and one scatter on distinct rows, so no two additions collide.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from nuweave.sparse.maps import Halving, NeighbourPairs
from nuweave.sparse.tensor import SparseTensor, wide


def submanifold_conv(x: SparseTensor, weight_KCE: Tensor) -> SparseTensor:
    """Convolution with an odd cubic kernel whose outputs are the input's own sites (1706.01307).

    Args:
        x: input, C channels
        weight_KCE: K = kernel_size ** ndim offsets, from -radius to radius, last axis fastest (torch's convention)
    """
    kernel_size = round(weight_KCE.shape[0] ** (1 / x.ndim))
    feat_NC, weight_KCE = _autocast(x.feat_NC, weight_KCE)
    return x.replace(_apply(_Submanifold, feat_NC, weight_KCE, x.neighbours(kernel_size)))


def strided_conv(x: SparseTensor, weight_KCE: Tensor) -> SparseTensor:
    """Convolution of kernel 2 and stride 2; a coarse site exists where any of its 2^ndim fine sites does."""
    halving = x.halving()
    feat_NC, weight_KCE = _autocast(x.feat_NC, weight_KCE)
    feat_ME = _apply(_Strided, feat_NC, weight_KCE, halving)
    return SparseTensor(feat_ME, halving.key_M, halving.shape, x.num_images, halving.maps)


def inverse_conv(x: SparseTensor, weight_KCE: Tensor, like: SparseTensor) -> SparseTensor:
    """Transposed convolution of kernel 2 and stride 2, back to the sites of `like`.

    Raises:
        ValueError: x does not lie on the coarse sites of `like`
    """
    halving = like.halving()
    if x.maps is not halving.maps:
        raise ValueError("inverse_conv: the input must lie on the sites that strided_conv made from `like`")
    feat_MC, weight_KCE = _autocast(x.feat_NC, weight_KCE)
    return like.replace(_apply(_Inverse, feat_MC, weight_KCE, halving))


def _apply(function: type[torch.autograd.Function], *arguments: Any) -> Tensor:
    """`function.apply`, which torch leaves untyped."""
    out: Tensor = function.apply(*arguments)  # type: ignore[no-untyped-call]
    return out


class _Submanifold(torch.autograd.Function):
    """Saves the input and the weight only; all gathers are repeated in the backward pass."""

    @staticmethod
    def forward(ctx: Any, x_NC: Tensor, weight_KCE: Tensor, pairs: NeighbourPairs) -> Tensor:
        ctx.save_for_backward(x_NC, weight_KCE)
        ctx.pairs = pairs
        centre = weight_KCE.shape[0] // 2
        out_NE = (x_NC @ weight_KCE[centre]).to(wide(x_NC.dtype))
        for offset, source_P, target_P in _offsets(pairs):
            _add(out_NE, target_P, x_NC.index_select(0, source_P) @ weight_KCE[offset])
            _add(out_NE, source_P, x_NC.index_select(0, target_P) @ weight_KCE[-1 - offset])
        return out_NE.to(x_NC.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_NE: Tensor) -> tuple[Tensor | None, Tensor, None]:
        x_NC, weight_KCE = ctx.saved_tensors
        needs_x = ctx.needs_input_grad[0]
        weight_KEC = weight_KCE.mT.contiguous()
        centre = weight_KCE.shape[0] // 2
        grad_weight_KCE = torch.zeros_like(weight_KCE)
        grad_weight_KCE[centre] = x_NC.T @ grad_NE
        grad_x_NC = (grad_NE @ weight_KEC[centre]).to(wide(x_NC.dtype)) if needs_x else None
        for offset, source_P, target_P in _offsets(ctx.pairs):
            grad_source_PE, grad_target_PE = grad_NE.index_select(0, source_P), grad_NE.index_select(0, target_P)
            grad_weight_KCE[offset] = x_NC.index_select(0, source_P).T @ grad_target_PE
            grad_weight_KCE[-1 - offset] = x_NC.index_select(0, target_P).T @ grad_source_PE
            if grad_x_NC is not None:
                _add(grad_x_NC, source_P, grad_target_PE @ weight_KEC[offset])
                _add(grad_x_NC, target_P, grad_source_PE @ weight_KEC[-1 - offset])
        return None if grad_x_NC is None else grad_x_NC.to(x_NC.dtype), grad_weight_KCE, None


class _Strided(torch.autograd.Function):
    """Each fine site goes to its parent through the weight of its place in the cell."""

    @staticmethod
    def forward(ctx: Any, x_NC: Tensor, weight_KCE: Tensor, halving: Halving) -> Tensor:
        ctx.save_for_backward(x_NC, weight_KCE)
        ctx.halving = halving
        return _to_parents(x_NC, weight_KCE, halving)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_ME: Tensor) -> tuple[Tensor | None, Tensor, None]:
        x_NC, weight_KCE = ctx.saved_tensors
        grad_x_NC = _to_children(grad_ME, weight_KCE.mT.contiguous(), ctx.halving) if ctx.needs_input_grad[0] else None
        return grad_x_NC, _pair_products(x_NC, grad_ME, ctx.halving), None


class _Inverse(torch.autograd.Function):
    """Each fine site takes from its parent; the transpose of `_Strided`."""

    @staticmethod
    def forward(ctx: Any, x_MC: Tensor, weight_KCE: Tensor, halving: Halving) -> Tensor:
        ctx.save_for_backward(x_MC, weight_KCE)
        ctx.halving = halving
        return _to_children(x_MC, weight_KCE, halving)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_NE: Tensor) -> tuple[Tensor | None, Tensor, None]:
        x_MC, weight_KCE = ctx.saved_tensors
        grad_x_MC = _to_parents(grad_NE, weight_KCE.mT.contiguous(), ctx.halving) if ctx.needs_input_grad[0] else None
        return grad_x_MC, _pair_products(grad_NE, x_MC, ctx.halving).mT, None


def _to_parents(x_NC: Tensor, weight_KCE: Tensor, halving: Halving) -> Tensor:
    """Sum over children of x times the weight of the child's offset, [M, E]."""
    out_ME = x_NC.new_zeros(len(halving.key_M), weight_KCE.shape[2], dtype=wide(x_NC.dtype))
    for offset, child_P, parent_P in _children(halving):
        _add(out_ME, parent_P, x_NC.index_select(0, child_P) @ weight_KCE[offset])
    return out_ME.to(x_NC.dtype)


def _to_children(x_MC: Tensor, weight_KCE: Tensor, halving: Halving) -> Tensor:
    """The parent's x times the weight of the child's offset, [N, E]; every child has one parent."""
    out_NE = x_MC.new_empty(len(halving.children_P), weight_KCE.shape[2])
    for offset, child_P, parent_P in _children(halving):
        out_NE.index_copy_(0, child_P, x_MC.index_select(0, parent_P) @ weight_KCE[offset])
    return out_NE


def _pair_products(fine_NC: Tensor, coarse_ME: Tensor, halving: Halving) -> Tensor:
    """Per offset the sum over pairs of fine (outer) coarse, [K, C, E]: the gradient of the weight."""
    out_KCE = fine_NC.new_zeros(len(halving.counts), fine_NC.shape[1], coarse_ME.shape[1])
    for offset, child_P, parent_P in _children(halving):
        out_KCE[offset] = fine_NC.index_select(0, child_P).T @ coarse_ME.index_select(0, parent_P)
    return out_KCE


def _offsets(pairs: NeighbourPairs) -> Iterator[tuple[int, Tensor, Tensor]]:
    return _groups(pairs.source_P, pairs.target_P, pairs.counts)


def _children(halving: Halving) -> Iterator[tuple[int, Tensor, Tensor]]:
    return _groups(halving.children_P, halving.parents_P, halving.counts)


def _groups(first_P: Tensor, second_P: Tensor, counts: tuple[int, ...]) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Offset and its pairs, for every offset that has any."""
    for offset, end in enumerate(itertools.accumulate(counts)):
        if counts[offset]:
            yield offset, first_P[end - counts[offset] : end], second_P[end - counts[offset] : end]


def _add(out_NC: Tensor, index_P: Tensor, feat_PC: Tensor) -> None:
    out_NC.index_add_(0, index_P, feat_PC.to(out_NC.dtype))


def _autocast(feat_NC: Tensor, weight_KCE: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the type of the surrounding autocast region, as torch does for its own matrix products."""
    device = feat_NC.device.type
    if not torch.is_autocast_enabled(device):
        return feat_NC, weight_KCE
    dtype = torch.get_autocast_dtype(device)
    return feat_NC.to(dtype), weight_KCE.to(dtype)
