"""Settings that do not fit a network are refused in one line."""

from __future__ import annotations

import pytest

from nuweave.config.models import NetworkConfig, ResNetConfig, UResNetConfig
from nuweave.models import Outputs, build_network


@pytest.mark.parametrize(
    ("config", "outputs", "message"),
    [
        (UResNetConfig(), Outputs(event_classes={"neutrino": 3}), "use resnet"),
        (ResNetConfig(), Outputs(site_classes=3), "use uresnet"),
    ],
)
def test_settings_that_do_not_fit_are_refused(config: NetworkConfig, outputs: Outputs, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_network(config, outputs, num_planes=3, shape=(8, 8))
