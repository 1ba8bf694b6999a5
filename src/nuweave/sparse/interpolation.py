"""Features between coarse sites.

Shapes: N fine sites, M coarse sites, C channels, K = 4 ** ndim kernel offsets.
"""

from __future__ import annotations

from functools import reduce

import torch

from nuweave.sparse.convolution import convolve
from nuweave.sparse.tensor import SparseTensor

SHARES = (0.25, 0.75, 0.75, 0.25)  # of a coarse site in the fine ones at 2 * coarse - 1 to 2 * coarse + 2


def interpolate(x: SparseTensor, like: SparseTensor) -> SparseTensor:
    """Linear interpolation along every axis from the coarse sites to the fine sites of `like`.

    Along an axis the fine site 2i takes 3/4 of the coarse site i and 1/4 of i - 1, and 2i + 1 takes 3/4 of i and 1/4 of
    i + 1, as torch's Upsample (scale_factor=2, bilinear or trilinear, align_corners=False). Coarse sites that are not
    active or lie beyond the image are left out and the shares of the others divided by their sum, so where all are
    active this is Upsample, edges included; of an odd length n it is the first n of Upsample's 2 * ceil(n / 2).

    Raises:
        ValueError: x does not lie on the coarse sites that a kernel of size 2 makes of `like`
    """
    if x.maps is not like.halving(2).maps:
        raise ValueError("interpolate: the input must lie on the sites that strided_conv of kernel 2 made from `like`")
    kernel = like.interpolation(x)
    share_K1 = reduce(torch.kron, [x.feat_NC.new_tensor(SHARES)] * x.ndim)[:, None]
    sum_NC = convolve(x.feat_NC, share_K1.expand(-1, x.feat_NC.shape[1]), kernel)
    present_N1 = convolve(torch.ones_like(x.feat_NC[:, :1]), share_K1, kernel)
    return like.replace(sum_NC / present_N1)
