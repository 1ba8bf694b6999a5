"""Settings that do not fit a network are refused in one line."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from nuweave.config.models import NetworkConfig, ResNetConfig, UResNetConfig
from nuweave.models import build_network


@pytest.mark.parametrize(
    ("config", "shape", "num_outputs", "message"),
    [
        (UResNetConfig(), (8, 8, 8), 3, "must have 2 axes"),
        (UResNetConfig(), (8, 8), {"neutrino": 3}, "use resnet"),
        (ResNetConfig(), (8, 8), 3, "use uresnet"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    config: NetworkConfig, shape: tuple[int, ...], num_outputs: int | Mapping[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build_network(config, ndim=2, num_planes=3, shape=shape, num_outputs=num_outputs)
