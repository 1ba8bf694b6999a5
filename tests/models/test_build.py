"""Settings that do not fit a network are refused in one line."""

from __future__ import annotations

import pytest

from nuweave.config.models import AlexNetConfig, CVNConfig, NetworkConfig, ResNetConfig
from nuweave.models import AnchorOutputs, Outputs, build_network


@pytest.mark.parametrize(
    ("config", "outputs", "message"),
    [
        (ResNetConfig(), Outputs(site_classes=3), "network resnet: classifies events.*use uresnet"),
        (CVNConfig(), Outputs(site_classes=3), "network cvn: classifies events.*use uresnet"),
        (AlexNetConfig(), Outputs(anchors=AnchorOutputs(8, 4, 1, detach=False)), "network alexnet: .*use uresnet"),
    ],
)
def test_settings_that_do_not_fit_are_refused(config: NetworkConfig, outputs: Outputs, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_network(config, outputs, num_planes=3, shape=(64, 64))
