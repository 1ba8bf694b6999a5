"""Norms see active sites only, alike on any number of ranks, and never divide by nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.multiprocessing.spawn import spawn
from torch.nn import functional

from nuweave.sparse import BatchNorm, GroupNorm, LayerNorm, SparseTensor, SyncBatchNorm, to_dense
from tests.sparse.helpers import SHAPES, TOLERANCE, assert_same_with_gradients, leaf, random_tensor, relative_error

NORMS: list[Callable[[int], nn.Module]] = [
    BatchNorm,
    SyncBatchNorm,
    LayerNorm,
    lambda num_channels: GroupNorm(2, num_channels),
]
NUM_SITES, SPLITS = 40, (15, 40)  # sites of rank 0; rank 1 has the rest


def sites(feat_NC: Tensor) -> SparseTensor:
    """One image with these features on its first sites."""
    return SparseTensor(feat_NC, torch.arange(len(feat_NC)), (32, 32), num_images=1)


def randomised(norm: nn.Module) -> nn.Module:
    """Scale and shift that are not one and zero; double."""
    torch.manual_seed(2)
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    return norm.double()


@pytest.mark.parametrize("ndim", [2, 3])
def test_batch_norm_is_the_dense_moments_under_the_mask(ndim: int) -> None:
    x = random_tensor(1, shape=SHAPES[ndim])
    one, other, norm = leaf(x), leaf(x), randomised(BatchNorm(4))
    dense, mask = to_dense(other), to_dense(x.replace(torch.ones_like(x.feat_NC[:, :1])))
    axes = (0, *range(2, 2 + ndim))
    mean_C = dense.sum(axes) / mask.sum()
    variance_C = (dense.square().sum(axes) / mask.sum()) - mean_C.square()
    scale_C, shift_C = norm.parameters()
    expected = (other.feat_NC - mean_C) / (variance_C + 1e-5).sqrt() * scale_C + shift_C
    leaves = list(norm.parameters())
    assert_same_with_gradients(norm(one).feat_NC, expected, [one.feat_NC, *leaves], [other.feat_NC, *leaves])


@pytest.mark.parametrize("num_groups", [1, 2, 4])
def test_group_norm_is_that_of_torch_on_the_sites_of_each_image(num_groups: int) -> None:
    x = random_tensor(1, shape=SHAPES[2])
    one, other, norm = leaf(x), leaf(x), randomised(GroupNorm(num_groups, 4))
    leaves = scale_C, shift_C = list(norm.parameters())
    images = torch.split(other.feat_NC, x.images().count_I.tolist())
    expected = [functional.group_norm(feat_NC.T[None], num_groups, scale_C, shift_C)[0].T for feat_NC in images]
    assert_same_with_gradients(norm(one).feat_NC, torch.cat(expected), [one.feat_NC, *leaves], [other.feat_NC, *leaves])


def test_layer_norm_by_hand() -> None:
    out = LayerNorm(2)(sites(torch.tensor([[1.0, 3.0], [5.0, 5.0]])))
    torch.testing.assert_close(out.feat_NC, torch.tensor([[-1.0, 1.0], [0.0, 0.0]]), rtol=1e-4, atol=0)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("num_sites", [0, 1])
def test_no_site_and_one_site_give_finite_features_and_every_gradient(
    norm: Callable[[int], nn.Module], num_sites: int
) -> None:
    layer = norm(4)
    feat_NC = torch.full((num_sites, 4), 5.0, requires_grad=True)
    out = layer(sites(feat_NC)).feat_NC
    gradients = torch.autograd.grad(out.sum(), [feat_NC, *layer.parameters()])
    assert all(bool(torch.isfinite(tensor).all()) for tensor in (out, *gradients, *layer.buffers()))


@pytest.mark.parametrize("num_sites", [0, 1])
def test_batch_norm_of_too_few_sites_uses_and_keeps_the_running_statistics(num_sites: int) -> None:
    norm = BatchNorm(2)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.fill_(1.0)
    norm.running_var.fill_(4.0)
    feat_NC = torch.full((num_sites, 2), 5.0).requires_grad_()
    out = norm(sites(feat_NC)).feat_NC
    torch.testing.assert_close(out, torch.full((num_sites, 2), 2.0), rtol=1e-5, atol=0)  # (5 - 1) / sqrt(4)
    assert norm.running_mean.tolist() == [1.0, 1.0]
    assert norm.running_var.tolist() == [4.0, 4.0]
    gradients = torch.autograd.grad(out.sum(), [norm.weight, norm.bias, feat_NC])
    assert gradients[1].tolist() == [num_sites, num_sites]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 1e-2), (torch.float16, 2e-3)])
def test_half_precision_keeps_statistics_in_float32(
    norm: Callable[[int], nn.Module], dtype: torch.dtype, tolerance: float
) -> None:
    feat_NC = 100 + torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    feat_NC = feat_NC.to(dtype).float()
    exact, found = norm(4)(sites(feat_NC)).feat_NC, norm(4)(sites(feat_NC.to(dtype))).feat_NC
    assert found.dtype == dtype
    assert relative_error(found.float(), exact) < tolerance


def through_sync_batch_norm(first: int, last: int) -> list[Tensor]:
    """Features of these of the sites, gradients, running statistics."""
    generator = torch.Generator().manual_seed(3)
    feat_NC, direction_NC = torch.randn(2, NUM_SITES, 4, generator=generator, dtype=torch.float64)
    leaf_NC = feat_NC[first:last].clone().requires_grad_()
    norm = randomised(SyncBatchNorm(4))
    out_NC = norm(sites(leaf_NC)).feat_NC
    gradients = torch.autograd.grad(out_NC, [leaf_NC, *norm.parameters()], direction_NC[first:last])
    return [out_NC.detach(), *gradients, *norm.buffers()]


def run_rank(rank: int, directory: Path) -> None:
    """One of two ranks."""
    distributed.init_process_group("gloo", init_method=f"file://{directory / 'meet'}", rank=rank, world_size=2)
    parts = [(0, split) if rank == 0 else (split, NUM_SITES) for split in SPLITS]
    torch.save([through_sync_batch_norm(*part) for part in parts], directory / f"{rank}.pt")
    lonely = SyncBatchNorm(1)(sites(torch.full((rank, 1), 3.0)))  # one site on both ranks together
    assert lonely.feat_NC.tolist() == [[pytest.approx(3.0, rel=1e-4)]] * rank
    distributed.destroy_process_group()


def test_sync_batch_norm_on_two_ranks_is_batch_norm_of_all_sites(tmp_path: Path) -> None:
    spawn(run_rank, args=(tmp_path,), nprocs=2)  # type: ignore[no-untyped-call]
    whole = through_sync_batch_norm(0, NUM_SITES)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for mine, its in zip(first, second, strict=True):
        joined = [torch.cat([mine[0], its[0]]), torch.cat([mine[1], its[1]]), mine[2] + its[2], mine[3] + its[3]]
        for found, expected in zip(joined, whole, strict=False):
            assert relative_error(found, expected) < TOLERANCE
        for found, same, expected in zip(mine[4:], its[4:], whole[4:], strict=True):
            assert torch.equal(found, same)
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
