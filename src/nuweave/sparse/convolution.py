"""Convolutions on active sites: exact, repeatable, accumulated in float32 or wider.

Shapes: N sites, M sites of another stride, C channels in, E channels out, K kernel offsets in C order, P pairs.
Every convolution is one kernel map. Each of its offsets is one gather and one product, then the products of all pairs
are summed site by site in a fixed order. Only these three steps know the device: a faster kernel would take the place
of `convolve`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from nuweave.sparse.maps import Crossing, Ends, KernelMap
from nuweave.sparse.tensor import SparseTensor, wide


def submanifold_conv(x: SparseTensor, weight_KCE: Tensor) -> SparseTensor:
    """Convolution with an odd cubic kernel whose outputs are the input's own sites (1706.01307).

    Args:
        x: input, C channels
        weight_KCE: K = kernel_size ** ndim offsets, from -radius to radius, last axis fastest (torch's convention)
    """
    if len(weight_KCE) == 1:
        return x.replace(x.feat_NC @ weight_KCE[0])
    return x.replace(convolve(x.feat_NC, weight_KCE, x.neighbours(_kernel_size(weight_KCE, x))))


def depthwise_conv(x: SparseTensor, weight_KC: Tensor) -> SparseTensor:
    """`submanifold_conv` of each channel by itself."""
    return x.replace(convolve(x.feat_NC, weight_KC, x.neighbours(_kernel_size(weight_KC, x))))


def strided_conv(x: SparseTensor, weight_KCE: Tensor) -> SparseTensor:
    """Convolution of stride 2; a coarse site exists where its window has any fine site.

    Kernel 2 covers the two fine sites of a coarse one along each axis, kernel 3 also the one before them (padding 1).
    """
    halving = x.halving(_kernel_size(weight_KCE, x))
    return coarse(x, halving, convolve(x.feat_NC, weight_KCE, halving.kernel))


def inverse_conv(x: SparseTensor, weight_KCE: Tensor, like: SparseTensor) -> SparseTensor:
    """Transposed convolution of stride 2, back to the sites of `like`.

    Raises:
        ValueError: x does not lie on the coarse sites that a kernel of this size makes of `like`
    """
    halving = like.halving(_kernel_size(weight_KCE, x))
    if x.maps is not halving.maps:
        raise ValueError("inverse_conv: the input must lie on the sites that strided_conv made from `like`")
    return like.replace(convolve(x.feat_NC, weight_KCE, halving.kernel.transposed()))


def transposed_conv(x: SparseTensor, weight_KCE: Tensor) -> SparseTensor:
    """Transposed convolution of stride 2 to every fine site that the kernel reaches, in images of twice the shape.

    Raises:
        ValueError: x has stride 1 already
    """
    if x.stride == 1:
        raise ValueError("transposed_conv: sites of stride 1 are the finest; give the input its stride, 2 or more")
    doubling = x.doubling(_kernel_size(weight_KCE, x))
    feat_ME = convolve(x.feat_NC, weight_KCE, doubling.kernel)
    return SparseTensor(feat_ME, doubling.key_M, doubling.shape, x.num_images, x.stride // 2, doubling.maps)


def coarse(x: SparseTensor, halving: Crossing, feat_MC: Tensor) -> SparseTensor:
    """Features on the coarse sites of x."""
    return SparseTensor(feat_MC, halving.key_M, halving.shape, x.num_images, 2 * x.stride, halving.maps)


def convolve(feat_NC: Tensor, weight: Tensor, kernel: KernelMap) -> Tensor:
    """Sum over pairs of the input's features times the weight of the offset, [M, E].

    Args:
        feat_NC: features of the input sites
        weight: [K, C, E], or [K, C] for channels that do not mix (E = C)
        kernel: pairs
    """
    device = feat_NC.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        feat_NC, weight = feat_NC.to(dtype), weight.to(dtype)
    out_ME: Tensor = _Convolution.apply(feat_NC, weight, kernel)  # type: ignore[no-untyped-call]
    return out_ME


class _Convolution(torch.autograd.Function):
    """Saves the weight, and the input where the weight learns; all gathers are repeated in the backward pass."""

    @staticmethod
    def forward(ctx: Any, x_NC: Tensor, weight: Tensor, kernel: KernelMap) -> Tensor:
        ctx.save_for_backward(x_NC if ctx.needs_input_grad[1] else None, weight)
        ctx.kernel = kernel
        product_PE = x_NC.new_empty(kernel.num_pairs, weight.shape[-1])
        for (offset, source_P, _), rows_PE in zip(kernel.groups, kernel.split(product_PE), strict=True):
            feat_PC = x_NC if offset == kernel.centre else x_NC.index_select(0, source_P)
            _multiply(feat_PC, weight[offset], out_PE=rows_PE)
        return _sum(product_PE, kernel.targets)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_ME: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x_NC, weight = ctx.saved_tensors
        kernel: KernelMap = ctx.kernel
        needs_x, needs_weight, _ = ctx.needs_input_grad
        back_weight = weight.mT.contiguous() if weight.ndim == 3 else weight
        grad_weight = torch.zeros_like(weight) if needs_weight else None
        product_PC = grad_ME.new_empty(kernel.num_pairs, back_weight.shape[-1] if needs_x else 0)
        for (offset, source_P, target_P), rows_PC in zip(kernel.groups, kernel.split(product_PC), strict=True):
            grad_PE = grad_ME if offset == kernel.centre else grad_ME.index_select(0, target_P)
            if grad_weight is not None:
                feat_PC = x_NC if offset == kernel.centre else x_NC.index_select(0, source_P)
                grad_weight[offset] = _outer(feat_PC, grad_PE, weight.ndim)
            if needs_x:
                _multiply(grad_PE, back_weight[offset], out_PE=rows_PC)
        return _sum(product_PC, kernel.sources) if needs_x else None, grad_weight, None


def _multiply(feat_PC: Tensor, weight: Tensor, *, out_PE: Tensor) -> None:
    """Features through the weight of one offset, [C, E] or [C]."""
    if weight.ndim == 2:
        torch.mm(feat_PC, weight, out=out_PE)
    else:
        torch.mul(feat_PC, weight, out=out_PE)


def _sum(product_PE: Tensor, ends: Ends) -> Tensor:
    """Products of the pairs of each site, added in their own order in float32 or wider and rounded once."""
    if len(product_PE) == 0:
        return product_PE.new_zeros(ends.num_sites, product_PE.shape[1])
    order_P, first_M = ends.pairs
    return functional.embedding_bag(order_P, product_PE, first_M, mode="sum")


def _outer(feat_PC: Tensor, grad_PE: Tensor, weight_ndim: int) -> Tensor:
    """Gradient of the weight of one offset: sums over pairs, of all products of channels or of each with its own."""
    if weight_ndim == 3:
        return feat_PC.T @ grad_PE
    return (feat_PC * grad_PE).sum(0, dtype=wide(feat_PC.dtype))


def _kernel_size(weight: Tensor, x: SparseTensor) -> int:
    """Offsets along an axis of a cubic kernel."""
    size: int = round(weight.shape[0] ** (1 / x.ndim))
    return size
