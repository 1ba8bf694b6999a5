"""Both sides of a comparison compute the same; events are cut and joined as they should."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nuweave.bench import model_gpu
from nuweave.bench.model_events import halved, occupancy, plane_of, read_events, together
from nuweave.bench.model_gpu import Rate, training_rates
from nuweave.bench.model_ways import layer_ways, plain_pass
from nuweave.bench.stopwatch import in_turn
from nuweave.config import UserError
from nuweave.sparse import SparseTensor, submanifold_conv
from tests import mock
from tests.models.helpers import input_of
from tests.sparse.helpers import random_tensor, random_weight, relative_error, tensor_of


def test_a_plain_pass_is_a_submanifold_convolution() -> None:
    x, weight = random_tensor(0, shape=(12, 16)), random_weight(0, 9, 4, 5)
    kernel = x.neighbours(3)
    assert kernel.centre is not None
    found_NE = plain_pass(x.feat_NC, weight, kernel.groups, centre=kernel.centre)
    assert relative_error(found_NE, submanifold_conv(x, weight).feat_NC) < 1e-12


def test_layers_of_both_sides_have_the_same_gradients() -> None:
    ours, plain = (work() for work in layer_ways(input_of(0, shape=(12, 16), num_images=1)).values())
    assert isinstance(ours, tuple)
    assert isinstance(plain, tuple)
    assert len(ours) == 7  # the input, six weights
    for mine, theirs in zip(ours, plain, strict=True):
        assert relative_error(mine, theirs) < 1e-4


def test_at_half_the_resolution_a_site_is_the_mean_of_its_window() -> None:
    half = halved(tensor_of([0, 5, 7], shape=(2, 4), values=[1.0, 3.0, 8.0]))  # (0, 0) and (1, 1) share a window
    assert (half.shape, half.stride, half.key_N.tolist()) == ((1, 2), 1, [0, 1])
    assert half.feat_NC[:, 0].tolist() == [2.0, 8.0]


def test_one_plane_is_the_nearest_in_size_and_events_are_joined_image_by_image() -> None:
    x = input_of(0, shape=(4, 4), num_images=3, occupancy=0.5)
    counts = x.images().count_I.tolist()
    plane = plane_of(x, num_sites=max(counts))
    assert (plane.num_images, len(plane.key_N)) == (1, max(counts))
    batch = together([x, x])
    assert batch.num_images == 6
    assert batch.images().count_I.tolist() == 2 * counts
    assert torch.equal(batch.feat_NC, torch.cat([x.feat_NC, x.feat_NC]))
    assert occupancy(batch) == sum(counts) / 48


def test_a_device_is_measured_at_growing_batches() -> None:
    events = [input_of(seed, shape=(64, 64), num_images=3, occupancy=0.01) for seed in range(3)]
    rates = training_rates(events, "sparse", device=torch.device("cpu"), repeats=1, max_batch=2)
    assert [rate.batch for rate in rates] == [1, 2]
    assert all(rate.events_per_s > 0 for rate in rates)


def test_batches_grow_until_memory_is_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def rate(x: SparseTensor, *_arguments: object, **_options: object) -> Rate:
        if x.num_images > 12:
            raise torch.OutOfMemoryError
        return Rate(x.num_images // 3, 1.0, 0)

    monkeypatch.setattr(model_gpu, "_rate", rate)
    event = input_of(0, shape=(8, 8), num_images=3)
    rates = training_rates([event], "sparse", device=torch.device("cpu"), repeats=1)
    assert [rate.batch for rate in rates] == [1, 2, 4]


@pytest.mark.parametrize(("shape", "num_planes"), [((128, 192), 3), ((128, 128), 3), ((128, 256), 2)])
def test_images_that_the_network_cannot_halve_are_refused(
    tmp_path: Path, shape: tuple[int, ...], num_planes: int
) -> None:
    source = mock.write_shard(tmp_path / "source.h5", num_events=1, shape=shape, num_planes=num_planes)
    with pytest.raises(UserError, match=f"has {num_planes} images of 128 x {shape[1]} an event, the network needs 3"):
        read_events(source)


def test_each_side_runs_once_uncounted_before_each_time_that_counts() -> None:
    done: list[str] = []
    timings = in_turn({"one": lambda: done.append("one"), "other": lambda: done.append("other")}, repeats=2)
    assert done == ["one", "one", "other", "other"] * 2
    assert [len(times) for times in timings.values()] == [2, 2]
