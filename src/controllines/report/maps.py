"""Map layers (图形) in longitude and latitude; control lines only near the applications unless asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from controllines.clean import polygonal
from controllines.crs import LONLAT, from_plane, recognise, to_lonlat, to_plane
from controllines.guard import union_by
from controllines.report.rows import records
from controllines.report.words import clean
from controllines.windows import near, windows

if TYPE_CHECKING:
    from controllines.layers import Layer
    from controllines.results import CheckResult

MAP_LINES = ("none", "near", "all")
#: Control lines are secret beyond the neighbourhood of the applications (contract, Secrecy).
NEAR_M = 500.0
#: Metres in one degree of latitude, to 0.6 %; only distances on the map depend on it.
DEGREE_M = 110_900.0
#: How far a drawn control line may lie beside the true one, metres.
_DRAWN_M = {"near": 0.2, "all": 5.0}

Array = np.ndarray


@dataclass(frozen=True)
class Shape:
    """One shape of the map: to what it belongs, and its geometry in longitude and latitude."""

    key: str
    kind: str
    label: str
    geometry: Any


@dataclass(frozen=True)
class MapLayers:
    """All shapes of the map.

    Attributes
    ----------
    parcels, pieces, outside : ``key`` is the parcel's id (as in the frames)
    lines : control lines; ``key`` is the feature's id, ``label`` its class
    townships : for orientation; ``label`` is the name
    """

    parcels: tuple[Shape, ...]
    pieces: tuple[Shape, ...]
    outside: tuple[Shape, ...]
    lines: tuple[Shape, ...]
    townships: tuple[Shape, ...] = ()

    def owned(self, name: str, keys: Iterable[str]) -> list[Shape]:
        """Return the shapes of some parcels: ``parcels``, ``pieces`` or ``outside``, in the order of the keys."""
        return [shape for key in keys for shape in self._by_key[name].get(key, [])]

    def within(self, name: str, box: Any) -> list[Shape]:
        """Return the ``parcels`` or ``lines`` that meet a box, in their order."""
        shapes: tuple[Shape, ...] = getattr(self, name)
        return [shapes[n] for n in np.sort(self._trees[name].query(box))]

    @cached_property
    def kinds_outside(self) -> frozenset[str]:
        """The lines to stay within that something lies outside of."""
        return frozenset(shape.kind for shape in self.outside)

    @cached_property
    def _by_key(self) -> dict[str, dict[str, list[Shape]]]:
        found: dict[str, dict[str, list[Shape]]] = {}
        for name in ("parcels", "pieces", "outside"):
            for shape in getattr(self, name):
                found.setdefault(name, {}).setdefault(shape.key, []).append(shape)
            found.setdefault(name, {})
        return found

    @cached_property
    def _trees(self) -> dict[str, shapely.STRtree]:
        return {
            name: shapely.STRtree([shape.geometry for shape in getattr(self, name)]) for name in ("parcels", "lines")
        }


def map_layers(result: CheckResult, map_lines: str) -> MapLayers:
    """Return the shapes to draw."""
    parcels = _shapes(result.parcels, key="parcel_id", label="name")
    return MapLayers(
        parcels=parcels,
        pieces=_shapes(result.pieces, key="parcel_id", kind="kind", label="class"),
        outside=_shapes(result.outside, key="parcel_id", kind="kind"),
        lines=() if map_lines == "none" else _lines(result, parcels, map_lines),
        townships=_townships(result),
    )


def _townships(result: CheckResult) -> tuple[Shape, ...]:
    layer = result.plan.layers.get("township")
    if layer is None:
        return ()
    return tuple(
        Shape(clean(row["feature_id"]), "", clean(row["name"]), geom)
        for row, geom in zip(records(layer.attributes(("feature_id", "name"))), layer.outlines, strict=True)
        if geom is not None and not geom.is_empty
    )


def _shapes(frame: gpd.GeoDataFrame, *, key: str, kind: str = "", label: str = "") -> tuple[Shape, ...]:
    geoms = lonlat(frame)
    return tuple(
        Shape(clean(row[key]), clean(row.get(kind)), clean(row.get(label)), geom)
        for row, geom in zip(records(frame), geoms, strict=True)
        if geom is not None and not geom.is_empty
    )


def lonlat(frame: gpd.GeoDataFrame) -> Array:
    """Return the geometries of a frame in longitude and latitude (degrees)."""
    geoms = frame.geometry.to_numpy()
    if not len(geoms):
        return geoms
    source = recognise(frame.crs, datum="as_is")
    moved = shapely.transform(shapely.force_2d(geoms), lambda xy: to_lonlat(source, xy))
    return np.asarray(moved)


def _lines(result: CheckResult, parcels: tuple[Shape, ...], map_lines: str) -> tuple[Shape, ...]:
    if not parcels:
        return ()
    middle = float(np.mean([shape.geometry.centroid.y for shape in parcels]))
    scale = np.array([DEGREE_M * math.cos(math.radians(middle)), DEGREE_M])
    around = shapely.get_parts(_neighbourhood(parcels, scale))
    found: list[Shape] = []
    for key, layer in result.plan.layers.items():
        if layer.kind.is_line:
            if map_lines == "near":
                rows, geoms = _near(layer, around, scale)
            else:
                rows, geoms = (
                    np.arange(len(layer)),
                    _valid(shapely.transform(lonlat(layer.frame), lambda xy: xy * scale)),
                )
            found += _drawn(layer, rows, geoms, (key, scale, map_lines))
    return tuple(found)


def _neighbourhood(parcels: tuple[Shape, ...], scale: Array) -> Any:
    metric = shapely.transform([shape.geometry for shape in parcels], lambda xy: xy * scale)
    # a coarser circle lies inside the true one: never more is shown than the 500 m
    return shapely.union_all(shapely.buffer(metric, NEAR_M, quad_segs=4))


def _near(layer: Layer, around: Array, scale: Array) -> tuple[Array, Array]:
    """Return the rows of a layer that come near the applications, and as much of each as does."""
    if layer.plane is None:
        raise AssertionError("a plan's layers are laid into its plane")
    source = recognise(LONLAT)
    boxes = windows(to_plane(shapely.transform(around, lambda xy: xy / scale), source, layer.plane))
    found = near(layer.in_plane, boxes)
    geoms = shapely.transform(from_plane(found.geoms, layer.plane, source), lambda xy: xy * scale)
    cut = polygonal(shapely.intersection(_valid(geoms), around[found.left]))
    rows, group = np.unique(found.right[some := shapely.area(cut) > 0], return_inverse=True)
    return rows, union_by(cut[some], group, len(rows))


def _valid(geoms: Array) -> Array:
    return np.asarray(shapely.make_valid(geoms, method="structure", keep_collapsed=False))


def _drawn(layer: Layer, rows: Array, geoms: Array, how: tuple[str, Array, str]) -> list[Shape]:
    kind, scale, map_lines = how
    geoms = shapely.transform(shapely.simplify(geoms, _DRAWN_M[map_lines]), lambda xy: xy / scale)
    named = records(layer.attributes(("feature_id", "class"), rows))
    return [
        Shape(clean(row["feature_id"]), kind, clean(row["class"]), geom)
        for row, geom in zip(named, geoms, strict=True)
        if geom is not None and not geom.is_empty
    ]
