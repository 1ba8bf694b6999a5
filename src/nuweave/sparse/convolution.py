"""Convolutions on active sites: exact, repeatable, accumulated in float32 or wider.

Shapes: N sites, M sites of another stride, C channels in, E channels out, K kernel offsets in C order, P pairs.
Every convolution is one kernel map. Each of its offsets is one gather, one product and one scatter on distinct rows, so
no two additions collide. Only these three steps know the device: a faster kernel would take the place of `convolve`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from nuweave.sparse.maps import Crossing, KernelMap
from nuweave.sparse.tensor import SparseTensor, wide


def submanifold_conv(x: SparseTensor, weight_KCE: Tensor) -> SparseTensor:
    """Convolution with an odd cubic kernel whose outputs are the input's own sites (1706.01307).

    Args:
        x: input, C channels
        weight_KCE: K = kernel_size ** ndim offsets, from -radius to radius, last axis fastest (torch's convention)
    """
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
    """Saves the input and the weight only; all gathers are repeated in the backward pass."""

    @staticmethod
    def forward(ctx: Any, x_NC: Tensor, weight: Tensor, kernel: KernelMap) -> Tensor:
        ctx.save_for_backward(x_NC, weight)
        ctx.kernel = kernel
        out_ME = _begin(x_NC, weight, kernel.centre, kernel.num_targets)
        for offset, source_P, target_P in kernel.groups:
            _add(out_ME, target_P, _times(x_NC.index_select(0, source_P), weight[offset]))
        return out_ME.to(x_NC.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_ME: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x_NC, weight = ctx.saved_tensors
        kernel: KernelMap = ctx.kernel
        needs_x, needs_weight, _ = ctx.needs_input_grad
        back_weight = weight.mT.contiguous() if weight.ndim == 3 else weight
        grad_x_NC = _begin(grad_ME, back_weight, kernel.centre, kernel.num_sources) if needs_x else None
        grad_weight = torch.zeros_like(weight) if needs_weight else None
        if grad_weight is not None and kernel.centre is not None:
            grad_weight[kernel.centre] = _outer(x_NC, grad_ME, weight.ndim)
        for offset, source_P, target_P in kernel.groups:
            grad_PE = grad_ME.index_select(0, target_P)
            if grad_weight is not None:
                grad_weight[offset] = _outer(x_NC.index_select(0, source_P), grad_PE, weight.ndim)
            if grad_x_NC is not None:
                _add(grad_x_NC, source_P, _times(grad_PE, back_weight[offset]))
        return None if grad_x_NC is None else grad_x_NC.to(x_NC.dtype), grad_weight, None


def _begin(feat_NC: Tensor, weight: Tensor, centre: int | None, num_rows: int) -> Tensor:
    """Where products are added: what every site gives to itself, else zeros."""
    dtype = wide(feat_NC.dtype)
    if centre is not None:
        return _times(feat_NC, weight[centre]).to(dtype)
    return feat_NC.new_zeros(num_rows, weight.shape[-1], dtype=dtype)


def _add(out_NC: Tensor, index_P: Tensor, feat_PC: Tensor) -> None:
    out_NC.index_add_(0, index_P, feat_PC.to(out_NC.dtype))


def _times(feat_PC: Tensor, weight: Tensor) -> Tensor:
    """Features through the weight of one offset, [C, E] or [C]."""
    return feat_PC @ weight if weight.ndim == 2 else feat_PC * weight


def _outer(feat_PC: Tensor, grad_PE: Tensor, weight_ndim: int) -> Tensor:
    """Gradient of the weight of one offset: sums over pairs, of all products of channels or of each with its own."""
    if weight_ndim == 3:
        return feat_PC.T @ grad_PE
    return (feat_PC * grad_PE).sum(0, dtype=wide(feat_PC.dtype))


def _kernel_size(weight: Tensor, x: SparseTensor) -> int:
    """Offsets along an axis of a cubic kernel."""
    size: int = round(weight.shape[0] ** (1 / x.ndim))
    return size
