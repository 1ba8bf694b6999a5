"""Find the neutrino vertex in the image of every plane, on a grid of boxes.

Every box says whether it holds the vertex, and where; the best box of an image gives the place.
Shape letters: I images, B events, P planes, D axes of an image, G boxes along an axis, X boxes of an image, V images
with a vertex, A = 1 + D logits of a box.

The loss of an image is sum_i FL(C_i) + sum_i 1_i |x_i - x_i'|^2 over its boxes i, FL the focal loss of 1708.02002 with
gamma 2 and no alpha, x_i the place as a share of the box. Each sum is a mean here, over the images and over those that
have a vertex, whatever the batch and the ranks. CosmicTagger 2.1 adds up 0.1 FL over planes, a mean over events: that
is objectness_weight 0.3 with its three planes. It multiplies the squared errors by 0.3 and adds them up over planes and
events, so that their share grows with the batch: offset_weight 0.9 for a batch of one event.
Source: the single-shot detection of 1506.02640, as the vertex head of CosmicTagger 2.1.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from nuweave.config.tasks import VertexConfig
from nuweave.loader import SparseBatch
from nuweave.models import AnchorOutputs, Logits, Outputs
from nuweave.sparse.maps import join
from nuweave.tasks.balance import FOCAL_GAMMA
from nuweave.tasks.protocol import TaskError
from nuweave.tasks.ratios import Floats, defined
from nuweave.tasks.site_metrics import over_planes
from nuweave.tasks.sites import SingleTask, event_frame
from nuweave.tasks.vertex_metrics import PRIMARY, place_metrics, place_sums, score_metrics, score_sums

_LARGEST_SHARE = 1 - 1e-6  # a sigmoid that is rounded to 1 would put the place into the next box


class Vertex(SingleTask[VertexConfig]):
    """Focal loss of all boxes, squared error of the place in the one that holds the vertex."""

    primary_metric = PRIMARY

    @property
    def outputs(self) -> Outputs:
        """A grid of boxes an image."""
        config = self.config
        anchors = AnchorOutputs(config.anchor_stride, config.num_filters, config.num_blocks, config.detach)
        return Outputs(anchors=anchors)

    def loss_weights(self, batch: SparseBatch) -> Tensor:
        """The number of images, for the detection, and of vertices, for the place.

        Raises:
            TaskError: the file has no vertices.
        """
        site_I = _vertex(batch).flatten()
        num_vertices = int((site_I >= 0).sum())
        return torch.tensor([len(site_I), num_vertices], dtype=torch.float64, device=site_I.device)

    def loss_sums(self, logits: Logits, batch: SparseBatch) -> Tensor:
        """Detection in all boxes, and place in those that hold a vertex. Errors as `loss_weights`."""
        site_I, stride = _vertex(batch).flatten(), self.config.anchor_stride
        anchors_IAX = logits.anchors_IAG.float().flatten(2)
        image_V = torch.nonzero(site_I >= 0).flatten()
        coords_VD = torch.stack(torch.unravel_index(site_I[image_V], batch.shape), dim=1)
        box_VD = torch.unbind(coords_VD // stride, dim=1)
        box_V = join([torch.zeros_like(image_V), *box_VD], tuple(logits.anchors_IAG.shape[2:]))
        share_VD = (coords_VD % stride + 0.5) / stride

        holds_IX = torch.zeros_like(anchors_IAX[:, 0], dtype=torch.bool)
        holds_IX[image_V, box_V] = True
        margin_IX = torch.where(holds_IX, anchors_IAX[:, 0], -anchors_IAX[:, 0])
        detection = -(torch.sigmoid(-margin_IX) ** FOCAL_GAMMA * functional.logsigmoid(margin_IX)).sum()
        place = (anchors_IAX[image_V, 1:, box_V].sigmoid() - share_VD).square().sum()
        return torch.stack([self.config.objectness_weight * detection, self.config.offset_weight * place])

    def counts(self, logits: Logits, batch: SparseBatch) -> dict[str, Tensor]:
        """The sums of `place_sums` and `score_sums` over the events, float64[P]. Errors as `loss_weights`."""
        true_BPD = _places(_vertex(batch), batch.shape)
        score_BP, found_BPD = self._found(logits, batch)
        sums = place_sums(found_BPD, true_BPD, self.config.anchor_stride) | score_sums(score_BP, true_BPD)
        return {name: torch.from_numpy(table.sum(axis=0)) for name, table in sums.items()}

    def metrics(self, counts: Mapping[str, Tensor]) -> dict[str, float]:
        """The mean over planes of every metric of `vertex_metrics`, then `plane{p}/` each."""
        sums = {name: table.numpy() for name, table in counts.items()}
        plane_metrics = place_metrics(sums) | score_metrics(sums)
        return defined(over_planes(plane_metrics))

    def predictions(self, logits: Logits, batch: SparseBatch) -> pd.DataFrame:
        """A row an event, places in sites along each axis of an image.

        Returns:
            run, subrun, event, and for each plane plane{p}_vertex_score (0 to 1), plane{p}_vertex_axis{d}, and
            plane{p}_vertex_true_axis{d} (nan where the image has no vertex; absent without truth).
        """
        score_BP, found_BPD = self._found(logits, batch)
        true_BPD = None if batch.vertex_BP is None else _places(batch.vertex_BP, batch.shape)
        columns: dict[str, Floats] = {}
        for plane in range(batch.num_planes):
            columns[f"plane{plane}_vertex_score"] = score_BP[:, plane]
            for kind, place_BPD in (("vertex", found_BPD), ("vertex_true", true_BPD)):
                if place_BPD is not None:
                    columns |= {f"plane{plane}_{kind}_axis{d}": one for d, one in enumerate(place_BPD[:, plane].T)}
        return event_frame(batch).join(pd.DataFrame(columns))

    def _found(self, logits: Logits, batch: SparseBatch) -> tuple[Floats, Floats]:
        """float64[B, P] score of the best box of each image, float64[B, P, D] the place that it gives, in sites."""
        anchors_IAX = logits.anchors_IAG.detach().double().flatten(2)
        logit_I, box_I = anchors_IAX[:, 0].max(dim=1)
        share_ID = anchors_IAX[torch.arange(len(box_I), device=box_I.device), 1:, box_I].sigmoid()
        corner_ID = torch.stack(torch.unravel_index(box_I, logits.anchors_IAG.shape[2:]), dim=1)
        place_ID = (corner_ID + share_ID.clamp(max=_LARGEST_SHARE)) * self.config.anchor_stride - 0.5
        shape_BP = (batch.num_events, batch.num_planes)
        return logit_I.sigmoid().reshape(shape_BP).cpu().numpy(), place_ID.reshape(*shape_BP, -1).cpu().numpy()


def _vertex(batch: SparseBatch) -> Tensor:
    if batch.vertex_BP is None:
        raise TaskError(
            "task.kind=vertex learns from the neutrino vertex, the file has none; convert a source with truth, "
            "or give finished weights and only evaluate"
        )
    return batch.vertex_BP


def _places(vertex_BP: Tensor, shape: tuple[int, ...]) -> Floats:
    """float64[B, P, D], the middle of the vertex's site; nan where there is none."""
    site_BP = vertex_BP.cpu().numpy()
    coords_BPD = np.stack(np.unravel_index(np.maximum(site_BP, 0), shape), axis=-1)
    return np.where(site_BP[..., None] >= 0, coords_BPD, np.nan)
