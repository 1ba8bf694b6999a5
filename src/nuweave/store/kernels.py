"""Loops over sites that numpy would make slow; compiled, and run without Python's lock.

numpy looks at an event in a dozen passes, with as many arrays in between; a compiled loop in one (docs/loader.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.physics.compiled import compiler

compiled = compiler(__file__)

# what `find_fault` finds
RIGHT, DISORDER, OUTSIDE, NOT_FINITE, DIFFERENT_SITES, BAD_LABEL = range(6)
MEANING = {
    DISORDER: "site ids of a projection do not ascend",
    OUTSIDE: "a site id lies outside the image",
    NOT_FINITE: "a value is not finite",
    DIFFERENT_SITES: "image and label have different sites",
    BAD_LABEL: "a label is no class",
}


@compiled
def find_fault(
    image_ids: NDArray[Any],
    image_values: NDArray[Any],
    label_ids: NDArray[Any],
    label_values: NDArray[Any],
    ends: NDArray[np.int64],
    num_ids: int,
    num_classes: int,
) -> int:
    """Look at every site of one event.

    Args:
        image_ids, image_values: fields of the image's voxels, [N].
        label_ids, label_values: fields of the label's voxels, [N]; empty where there is no label.
        ends: int64[projections], sites up to the end of each projection.
        num_ids: sites of an image, stored or not.
        num_classes: labels are whole numbers from 0 to num_classes - 1.
    Returns:
        RIGHT, or the first thing that is wrong.
    """
    start = 0
    for end in ends:
        before = np.int64(-1)
        for n in range(start, end):
            site = np.int64(image_ids[n])
            if site <= before:
                return DISORDER
            before = site
            if not np.isfinite(image_values[n]):
                return NOT_FINITE
        if before >= num_ids:
            return OUTSIDE
        start = end
    for n in range(len(label_ids)):
        if label_ids[n] != image_ids[n]:
            return DIFFERENT_SITES
        label = label_values[n]
        if not (0 <= label < num_classes) or label != np.uint8(label):
            return BAD_LABEL
    return RIGHT
