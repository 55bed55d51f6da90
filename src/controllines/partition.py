"""Land cut by units (按统计单元划分): each piece of a layer's land with the township, zone … it lies in.

Land under several features of a layer is counted once. It is cut by the first unit layer, its pieces by the second,
and so on; what lies outside all units of a layer is a unit of its own (范围外), so the pieces add up to the land.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely

from controllines.crs import Plane
from controllines.kinds import OUTSIDE_ALL
from controllines.layers import Layer, net_factors
from controllines.lengths import is_contact
from controllines.overlay import Pieces, absorb, book_once, split

Array = np.ndarray


@dataclass(frozen=True)
class Parts:
    """Pieces of land by unit.

    Attributes
    ----------
    geoms : polygons in the plane
    feature : row of the layer that each is of
    columns : for each unit ``_{unit}`` (its place in tables), ``{unit}_code`` and ``{unit}``, one value per piece
    """

    geoms: Array
    feature: Array
    columns: dict[str, Array]

    @property
    def area(self) -> Array:
        """Area of each piece, m²."""
        return np.asarray(shapely.area(self.geoms))

    def take(self, rows: Array) -> Parts:
        """Return the pieces at ``rows`` (indices or mask)."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Parts(self.geoms[rows], self.feature[rows], columns)


def by_units(layer: Layer, units: Sequence[Layer]) -> Parts:
    """Cut the land of a layer by unit layers, all in one plane."""
    rows = np.flatnonzero(layer.used)
    whole = Pieces(np.zeros(len(rows), np.int64), rows, layer.geoms[rows], np.zeros(len(rows), bool))
    # Land under several farmland features takes the smallest KCXS; for areas the order does not matter.
    factor = net_factors(layer)[0][rows]
    once = book_once(whole, priority=np.where(np.isnan(factor), 2.0, factor))[0]
    parts = Parts(once.geoms, once.right, {})
    for unit in units:
        cut = _cut(parts.geoms, unit.geoms, plane_of_layer(layer))
        taken = parts.take(cut.left)
        parts = Parts(cut.geoms, taken.feature, taken.columns | _unit_columns(unit, cut.right))
    return parts


def without(parts: Parts, layer: Layer) -> Parts:
    """Return what of the pieces lies outside a layer."""
    cut = _cut(parts.geoms, layer.geoms, plane_of_layer(layer))
    outside = cut.take(cut.right < 0)
    taken = parts.take(outside.left)
    return Parts(outside.geoms, taken.feature, taken.columns)


def plane_of_layer(layer: Layer) -> Plane:
    """Return the plane that a layer was laid into."""
    if layer.plane is None:
        raise AssertionError("a plan's layers are laid into its plane")
    return layer.plane


def _cut(geoms: Array, units: Array, plane: Plane) -> Pieces:
    cut = split(geoms, units)
    return absorb(cut, is_contact(cut.geoms, plane))


def every_unit(unit: Layer) -> tuple[tuple[str | None, str | None], ...]:
    """Return (code, name) of every unit of a layer, in the order of tables."""
    pairs = {(code, name) for code, name in zip(unit.frame["code"], unit.frame["name"], strict=True)}
    return tuple(sorted(pairs, key=lambda pair: f"{pair[0] or '~'}|{pair[1]}"))


def _unit_columns(unit: Layer, right: Array) -> dict[str, Array]:
    key, inside = unit.kind.key, right >= 0
    code, name = unit.frame["code"].to_numpy(object), unit.frame["name"].to_numpy(object)
    # One unit may have several features: its first row gives the order of the table, by code where there is one.
    label = pd.Series([f"{c or '~'}|{n}" for c, n in zip(code, name, strict=True)], dtype=object)
    rank: Array = label.rank(method="dense").to_numpy(int)
    return {
        f"_{key}": np.asarray(np.where(inside, rank[right], np.iinfo(np.int64).max)),
        f"{key}_code": np.asarray(np.where(inside, code[right], None), dtype=object),
        key: np.asarray(np.where(inside, name[right], OUTSIDE_ALL), dtype=object),
    }
