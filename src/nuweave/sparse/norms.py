"""Normalisation over active sites, under the names and with the parameters of torch's own layers.

None divides by the spread of nothing: a batch of fewer than two sites takes the running statistics, and a single value
in a group has variance zero. Statistics are float32 or wider.
Shapes: N sites, C channels, G groups of channels, I images.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from nuweave.sparse.pooling import pool_mean
from nuweave.sparse.tensor import SparseTensor, wide


class BatchNorm(nn.BatchNorm1d):
    """Each channel over the sites of all images (1502.03167); each rank by itself.

    A plane has thousands of active sites, so even a batch of one event has steady statistics.
    """

    def forward(self, x: SparseTensor) -> SparseTensor:  # type: ignore[override]
        """Features on the same sites."""
        return x.replace(self.normalised(x.feat_NC))

    def normalised(self, feat_NC: Tensor) -> Tensor:
        """Features, a row a site."""
        if self.training and len(feat_NC) < 2:
            return self.by_running_statistics(feat_NC)
        return super().forward(feat_NC)

    def by_running_statistics(self, feat_NC: Tensor) -> Tensor:
        """Features normalised as in evaluation."""
        return functional.batch_norm(feat_NC, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class SyncBatchNorm(BatchNorm):
    """`BatchNorm` over the sites of all ranks, those without a site included. Without other ranks it is `BatchNorm`.

    Every rank must run the same layers forward and backward, for each exchanges sums in both.
    """

    def normalised(self, feat_NC: Tensor) -> Tensor:
        """Features over the sites of all ranks."""
        if not (self.training and distributed.is_initialized() and distributed.get_world_size() > 1):
            return super().normalised(feat_NC)
        dtype = feat_NC.dtype
        feat_NC = feat_NC.to(wide(dtype))
        total = _sum_over_ranks(torch.cat([feat_NC.sum(0), feat_NC.new_tensor([len(feat_NC)])]))
        count = total[-1].detach()
        if count < 2:
            return self.by_running_statistics(feat_NC.to(dtype))
        mean_C = total[:-1] / count
        variance_C = _sum_over_ranks((feat_NC - mean_C).square().sum(0)) / count
        self._follow(mean_C.detach(), variance_C.detach() * (count / (count - 1)))
        scale_C = self.weight * torch.rsqrt(variance_C + self.eps)
        return ((feat_NC - mean_C) * scale_C + self.bias).to(dtype)

    def _follow(self, mean_C: Tensor, variance_C: Tensor) -> None:
        """Move the running statistics, as torch does."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean_C.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(variance_C.to(self.running_var.dtype), self.momentum)


class GroupNorm(nn.GroupNorm):
    """Groups of channels over the sites of one image (1803.08494); as many groups as channels make an instance norm."""

    def forward(self, x: SparseTensor) -> SparseTensor:  # type: ignore[override]
        """Features on the same sites."""
        index_N = x.images().index_N
        feat_NC = x.feat_NC.to(wide(x.feat_NC.dtype))
        feat_NGC = feat_NC.view(len(feat_NC), self.num_groups, self.num_channels // self.num_groups)
        mean_IG = pool_mean(x.replace(feat_NGC.mean(2)))
        centred_NGC = feat_NGC - mean_IG.index_select(0, index_N)[:, :, None]
        variance_IG = pool_mean(x.replace(centred_NGC.square().mean(2)))
        scale_NG = torch.rsqrt(variance_IG + self.eps).index_select(0, index_N)
        normal_NC = (centred_NGC * scale_NG[:, :, None]).flatten(1)
        return x.replace((normal_NC * self.weight + self.bias).to(x.feat_NC.dtype))


class LayerNorm(nn.LayerNorm):
    """All channels of one site (1607.06450)."""

    def forward(self, x: SparseTensor) -> SparseTensor:  # type: ignore[override]
        """Features on the same sites."""
        return x.replace(super().forward(x.feat_NC))


class _SumOverRanks(torch.autograd.Function):
    """Every rank's loss sees the sum, so every rank's gradient of it comes back to each."""

    @staticmethod
    def forward(_ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_ctx: Any, grad: Tensor) -> Tensor:
        return _sum_over_ranks(grad)


def _sum_over_ranks(tensor: Tensor) -> Tensor:
    total: Tensor = _SumOverRanks.apply(tensor)  # type: ignore[no-untyped-call]
    return total
