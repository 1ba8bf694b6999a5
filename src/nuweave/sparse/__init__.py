"""Sparse tensors and convolutions on active sites, in stock torch operations: any dimension, CPU, CUDA or XPU."""

from nuweave.sparse.convolution import depthwise_conv, inverse_conv, strided_conv, submanifold_conv, transposed_conv
from nuweave.sparse.interpolation import interpolate
from nuweave.sparse.joins import add, concatenate, union
from nuweave.sparse.modules import (
    Convolution,
    DepthwiseConv,
    InverseConv,
    StridedConv,
    SubmanifoldConv,
    TransposedConv,
)
from nuweave.sparse.norms import BatchNorm, GroupNorm, LayerNorm, SyncBatchNorm
from nuweave.sparse.pooling import pool_max, pool_mean, strided_max, strided_mean
from nuweave.sparse.tensor import SparseTensor, from_dense, from_sites, to_dense, wide

__all__ = [
    "BatchNorm",
    "Convolution",
    "DepthwiseConv",
    "GroupNorm",
    "InverseConv",
    "LayerNorm",
    "SparseTensor",
    "StridedConv",
    "SubmanifoldConv",
    "SyncBatchNorm",
    "TransposedConv",
    "add",
    "concatenate",
    "depthwise_conv",
    "from_dense",
    "from_sites",
    "interpolate",
    "inverse_conv",
    "pool_max",
    "pool_mean",
    "strided_conv",
    "strided_max",
    "strided_mean",
    "submanifold_conv",
    "to_dense",
    "transposed_conv",
    "union",
    "wide",
]
