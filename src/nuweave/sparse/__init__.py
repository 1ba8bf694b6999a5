"""Sparse tensors and convolutions on active sites, in stock torch operations: any dimension, CPU, CUDA or XPU."""

from nuweave.sparse.convolution import inverse_conv, strided_conv, submanifold_conv
from nuweave.sparse.modules import InverseConv, NormReLU, ResidualBlock, StridedConv, SubmanifoldConv
from nuweave.sparse.pooling import pool_max, pool_mean
from nuweave.sparse.tensor import SparseTensor, from_dense, from_sites, to_dense

__all__ = [
    "InverseConv",
    "NormReLU",
    "ResidualBlock",
    "SparseTensor",
    "StridedConv",
    "SubmanifoldConv",
    "from_dense",
    "from_sites",
    "inverse_conv",
    "pool_max",
    "pool_mean",
    "strided_conv",
    "submanifold_conv",
    "to_dense",
]
