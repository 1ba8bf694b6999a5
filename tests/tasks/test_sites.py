"""What a network is fed with."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from nuweave.tasks.sites import network_input
from tests.tasks.batches import two_events


def test_the_input_is_the_logarithm_of_the_value_and_odd_in_it() -> None:
    values_N = torch.tensor([0.0, math.e**4 - 1, -(math.e**4 - 1), -5.0])
    feat_NC = network_input(replace(two_events(labels=None), values_N=values_N)).feat_NC
    assert feat_NC[:, 0].tolist() == [0.0, pytest.approx(1.0), pytest.approx(-1.0), pytest.approx(-math.log(6) / 4)]
