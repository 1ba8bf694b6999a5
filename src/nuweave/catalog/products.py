"""What a shard or packed file holds: its image, its label, the classes of its events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nuweave.physics.truth import HEAD_CLASSES, PRODUCT_OF_HEAD
from nuweave.store import ShardReader, StoreError

IMAGES = ("sparse2d_image", "sparse3d_image")


def image_and_label(reader: ShardReader) -> tuple[str, str | None]:
    """Names of the image product and of the label product; None where the source has no label of sites.

    Raises:
        StoreError: the file has no image, or a wire and a voxel image at once.
    """
    images = [name for name in IMAGES if name in reader.products]
    if len(images) != 1:
        raise StoreError(
            f"{reader.path}: needs one product {' or '.join(IMAGES)}, it holds {', '.join(reader.products) or 'none'}; "
            "convert it again"
        )
    label = images[0].replace("image", "label")
    return images[0], label if label in reader.products else None


def read_classes(reader: ShardReader) -> dict[str, NDArray[np.int8]]:
    """The class of every event, for each head that the file can give.

    Args:
        reader: a shard or a packed file.
    Returns:
        head -> int8[events], -1 where the event has no class; a head whose product is absent is missing.
    Raises:
        StoreError: an event has two classes, or one that the head does not know.
    """
    classes = {}
    for head, product in PRODUCT_OF_HEAD.items():
        if product not in reader.products:
            continue
        values, events = reader.particle_field(product, "pdg")
        num = len(HEAD_CLASSES[head])
        wrong = (values < 0) | (values >= num)
        wrong[1:] |= events[1:] == events[:-1]
        if wrong.any():
            raise StoreError(
                f"{reader.path}: {product} of event {events[wrong][0]} must be one class from 0 to {num - 1}; "
                "convert it again"
            )
        classes[str(head)] = np.full(len(reader), -1, np.int8)
        classes[str(head)][events] = values
    return classes


def read_vertices(reader: ShardReader, image: str) -> NDArray[np.int64] | None:
    """Where the neutrino vertex of every event is in each projection of its image.

    Args:
        reader: a shard or a packed file.
        image: its image product.
    Returns:
        int64[events, projections], the site in the middle of the vertex's cluster, by its values; -1 where there is
        none. None where the file has no vertices.
    Raises:
        StoreError: vertices cannot be read, or have other projections than the image.
    """
    product = image.replace("sparse", "cluster").replace("image", "vertex")
    if product not in reader.products:
        return None
    shape, num_planes = reader.geometry(image)
    index = reader.product(product)
    vertices = np.full(len(reader) * num_planes, -1, np.int64)
    if index.layout.rows == 0:
        return vertices.reshape(-1, num_planes)
    if reader.geometry(product) != (shape, num_planes):
        raise StoreError(f"{reader.path}: {product} and {image} differ in shape or projections; convert it again")
    sites_in_image = np.diff(index.starts[2][index.starts[1]])
    image_of_site = np.repeat(np.arange(len(sites_in_image)), sites_in_image)
    rows = reader.rows(product, 0, index.layout.rows)
    coords = np.unravel_index(rows["id"].astype(np.int64), shape)
    weight = rows["value"].astype(np.float64)
    total = np.bincount(image_of_site, weight, len(sites_in_image))
    filled = np.flatnonzero(total > 0)
    means = [np.bincount(image_of_site, weight * axis, len(total))[filled] / total[filled] for axis in coords]
    middle = np.ravel_multi_index(tuple(np.ceil(mean - 0.5).astype(np.int64) for mean in means), shape)
    events = np.flatnonzero(index.num_images).repeat(num_planes)  # of each image
    planes = np.tile(np.arange(num_planes), len(events) // num_planes)
    vertices[(events * num_planes + planes)[filled]] = middle
    return vertices.reshape(-1, num_planes)
