"""From settings to a network."""

from __future__ import annotations

from torch import nn

from nuweave.config.models import NetworkConfig, UResNetConfig
from nuweave.models.logits import Outputs
from nuweave.models.resnet import ResNet
from nuweave.models.uresnet import UResNet


def build_network(config: NetworkConfig, outputs: Outputs, *, num_planes: int, shape: tuple[int, ...]) -> nn.Module:
    """The network of `config`; every network takes a SparseTensor of one channel, images = event * num_planes + plane.

    Args:
        config: settings of the architecture
        outputs: what it returns
        num_planes: images of an event
        shape: sites along each axis of an image
    Raises:
        ValueError: the architecture cannot give the outputs
    """
    ndim = len(shape)
    if isinstance(config, UResNetConfig):
        if not outputs.site_classes:
            raise ValueError("network uresnet: labels sites, so site_classes must be their number; use resnet")
        return UResNet(config, ndim=ndim, num_planes=num_planes, num_outputs=outputs.site_classes)
    if outputs.site_classes:
        raise ValueError("network resnet: classifies events, so it has no site_classes; use uresnet")
    return ResNet(config, ndim=ndim, num_planes=num_planes, num_outputs=outputs.event_classes)
