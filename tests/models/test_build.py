"""Outputs that an architecture does not have are refused in one line."""

from __future__ import annotations

import pytest

from nuweave.config.models import ResNetConfig
from nuweave.models import Outputs, build_network


def test_a_network_without_site_labels_says_which_has_them() -> None:
    with pytest.raises(ValueError, match="use uresnet"):
        build_network(ResNetConfig(), Outputs(site_classes=3), num_planes=3, shape=(8, 8))
