"""The applications of the demo county (用地申请): where they lie and what they look like."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from controllines.area import planar_area
from controllines.crs import SourceCRS, from_lonlat, gauss_kruger, reproject, zone_of
from controllines.demo.county import County
from controllines.demo.mesh import DECIMALS, LONLAT, Array, settings

#: What must hold for each place: (redline, farmland, boundary); None leaves it open.
_NONE, _SOME, _ALL = "none", "some", "all"
_WANTED = {
    "desert": (_NONE, _NONE, _NONE), "oasis": (_NONE, _NONE, _NONE), "town": (_NONE, _NONE, _ALL),
    "town_edge": (_NONE, _NONE, _SOME), "field": (_NONE, _SOME, _NONE), "redline": (_ALL, _NONE, _NONE),
    "redline_edge": (_SOME, _NONE, _NONE), "zone_crossing": (_NONE, _NONE, _NONE),
    "county_edge": (_NONE, _NONE, _NONE),
}  # fmt: skip
#: Metres that an application keeps away from the field it encloses.
SETBACK_M = 6.0
STRIP_M = 0.001
_TRIES = 80


@dataclass(frozen=True)
class Plot:
    """One 地块: its number, name, use, polygon in the CRS of its application, and declared area in m²."""

    id: str
    name: str
    use: str
    geom: shapely.Polygon
    declared_m2: float


@dataclass(frozen=True)
class Application:
    """One application (一个项目).

    Attributes
    ----------
    number, name : 项目编号, 项目名称
    format, file : ``txt``, ``shp``, ``gpkg`` or ``geojson``, and the stem of the file it comes in
    crs : of the plots
    zone : number of the 3° zone of a TXT, else None
    plots : its parcels
    spec : its entry in ``data/demo.toml``
    """

    number: str
    name: str
    format: str
    file: str
    crs: SourceCRS
    zone: int | None
    plots: tuple[Plot, ...]
    spec: dict[str, Any]


@dataclass(frozen=True)
class _Site:
    """What placing needs: unions of the lines, a tree of the fields, anchors by place (lon/lat)."""

    redline: BaseGeometry
    boundary: BaseGeometry
    county: BaseGeometry
    fields: shapely.STRtree
    lone: shapely.Polygon
    anchors: dict[str, Array]


def make_applications(rng: np.random.Generator, county: County) -> list[Application]:
    """Place all applications of ``data/demo.toml`` so that each concerns the lines it is meant to concern."""
    site = _site(county)
    number = itertools.count(1)
    taken = [_lonlat(shapes[0], source) for shapes, source, _ in (_around_field(site), _corridor(site))]
    made = []
    for group in settings()["application"]:
        for spec in group["rows"]:
            shapes, source, zone = _place(rng, site, spec, form=group["format"], taken=taken)
            taken += list(reproject(shapes, source, LONLAT))
            made.append(_application(next(number), group, spec, (shapes, source, zone)))
    return made


def _application(
    number: int, group: dict[str, Any], spec: dict[str, Any], placed: tuple[Array, SourceCRS, int | None]
) -> Application:
    shapes, source, zone = placed
    code = f"DEMO2026{number:03d}"
    name = f"{spec['name']}（演示）"
    areas = planar_area(shapes, source) * spec.get("declared", 1.0)
    plots = tuple(
        Plot(
            id=spec.get("id", f"{code}-{n}"),
            name=name if len(shapes) == 1 else f"{name}地块{n}",
            use=spec["use"],
            geom=shape,
            declared_m2=float(area),
        )
        for n, (shape, area) in enumerate(zip(shapes, areas, strict=True), 1)
    )
    file = group.get("file", f"演示_{number:03d}_{spec['name']}")
    return Application(code, name, group["format"], file, source, zone, plots, spec)


def _site(county: County) -> _Site:
    layers, place = county.layers, county.place
    centres = shapely.get_coordinates(shapely.centroid(county.patches))
    fields = layers["permanent_farmland"].geometry.to_numpy()
    redline, boundary = (
        shapely.union_all(layers[kind].geometry.to_numpy()) for kind in ("ecological_redline", "urban_boundary")
    )
    outline = layers["county"].geometry.iloc[0]
    anywhere = ~(place["redline"] | place["boundary"] | place["farmland"])
    south, north = outline.bounds[1], outline.bounds[3]
    meridian = np.column_stack([np.full(60, 88.5), np.linspace(south, north, 60)])
    anchors = {
        "desert": centres[anywhere & ~place["oasis"]],
        "oasis": centres[anywhere & place["oasis"]],
        "town": centres[place["boundary"]],
        "town_edge": shapely.get_coordinates(boundary),
        "field": np.concatenate([shapely.get_coordinates(shapely.centroid(fields)), shapely.get_coordinates(fields)]),
        "redline": centres[place["redline"]],
        "redline_edge": shapely.get_coordinates(redline),
        "zone_crossing": meridian,
        "county_edge": shapely.get_coordinates(outline),
    }
    lone = fields[np.cumsum(place["farmland"])[place["lone"]][0] - 1]
    return _Site(redline, boundary, outline, shapely.STRtree(fields), lone, anchors)


def _place(
    rng: np.random.Generator, site: _Site, spec: dict[str, Any], *, form: str, taken: list[shapely.Polygon]
) -> tuple[Array, SourceCRS, int | None]:
    """Return polygons in the CRS of the format, that CRS, and the zone of a TXT."""
    own = {"around_field": _around_field, "corridor": _corridor}
    if spec["place"] in own:
        return own[spec["place"]](site)
    if spec["place"] in ("contact", "one_millimetre"):
        return _beside_redline(site, STRIP_M if spec["place"] == "one_millimetre" else 0.0, taken)
    anchors = site.anchors[spec["place"]]
    fixed = {"shp": 29, "gpkg": 30}.get(form)
    if fixed:
        anchors = anchors[zone_of(anchors[:, 0]) == fixed]
    for shrink in (1.0, 0.5, 0.25, 0.1, 0.03, 0.01):
        for anchor in rng.permutation(anchors)[:_TRIES]:
            zone = int(zone_of(anchor[:1])[0])
            local = _prefixed(zone)
            shape = _shape(rng, spec["shape"], spec["ha"] * shrink, from_lonlat(local, anchor[None])[0])
            if _fits(site, spec["place"], _lonlat(shape, local), taken):
                shapes = _siblings(site, spec, shape, (local, taken))
                return *_for_format(shapes, local, form), zone if form == "txt" else None
    raise ValueError(f"no room for the demo application {spec['name']}")


def _for_format(shapes: Array, local: SourceCRS, form: str) -> tuple[Array, SourceCRS]:
    if form == "gpkg":  # the same plane without the zone's prefix: six-digit eastings
        target = SourceCRS(gauss_kruger(local.zone or 0), "cgcs2000")
        shift = [(local.zone or 0) * 1e6, 0.0]
        return np.asarray(shapely.transform(shapes, lambda xy: np.round(xy - shift, 3))), target
    if form == "geojson":
        lonlat = reproject(shapes, local, LONLAT)
        return np.asarray(shapely.transform(lonlat, lambda xy: np.round(xy, DECIMALS))), LONLAT
    return shapes, local


def _siblings(site: _Site, spec: dict[str, Any], first: shapely.Polygon, around: tuple[SourceCRS, Any]) -> Array:
    """Put the further 地块 of an application beside the first, under the same conditions."""
    local, taken = around
    shapes = [first]
    reach = float(shapely.minimum_bounding_radius(first))
    for far, turn in itertools.product((2.2, 3.0, 4.5, 7.0, 12.0, 25.0), range(0, 360, 30)):
        if len(shapes) == spec.get("plots", 1):
            break
        angle = np.radians(turn)
        moved = affinity.translate(first, far * reach * np.cos(angle), far * reach * np.sin(angle))
        moved = _millimetres(moved)
        here = [*taken, *(_lonlat(shape, local) for shape in shapes)]
        if _fits(site, spec["place"], _lonlat(moved, local), here):
            shapes.append(moved)
    return np.array(shapes, dtype=object)


def _fits(site: _Site, place: str, shape: shapely.Polygon, taken: list[shapely.Polygon]) -> bool:
    crosses = shape.bounds[0] < 88.5 < shape.bounds[2]
    if crosses != (place == "zone_crossing") or bool(shapely.intersects(taken, shape).any()):
        return False
    if site.county.covers(shape) == (place == "county_edge"):
        return False
    on_fields = len(site.fields.query(shape, predicate="intersects")) > 0
    found = (_relation(site.redline, shape), _SOME if on_fields else _NONE, _relation(site.boundary, shape))
    return found == _WANTED[place]


def _relation(line: BaseGeometry, shape: shapely.Polygon) -> str:
    if not line.intersects(shape):
        return _NONE
    return _ALL if line.covers(shape) else _SOME


def _prefixed(zone: int) -> SourceCRS:
    return SourceCRS(gauss_kruger(zone, prefix=True), "cgcs2000")


def _lonlat(shape: shapely.Polygon, source: SourceCRS) -> shapely.Polygon:
    moved: shapely.Polygon = reproject(np.array([shape], dtype=object), source, LONLAT)[0]
    return moved


def _millimetres(shape: shapely.Polygon) -> shapely.Polygon:
    return shapely.transform(shape, lambda xy: np.round(xy, 3))


def _shape(rng: np.random.Generator, name: str, hectares: float, centre: Array) -> shapely.Polygon:
    """Return a polygon of about the wanted size around a point of the plane, coordinates in whole millimetres."""
    if name == "irregular":
        angle = np.sort(rng.uniform(-0.25, 0.25, 9) + np.arange(9) * 2 * np.pi / 9)
        reach = rng.uniform(0.75, 1.15, 9)
        outline = np.column_stack([reach * np.cos(angle), 0.7 * reach * np.sin(angle)])
    elif name == "ell":
        outline = np.array([[0, 0], [3, 0], [3, 1.2], [1.3, 1.2], [1.3, 2.4], [0, 2.4]]) - [1.3, 1.0]
    else:
        width, height = (12.0, 1.0) if name == "strip" else (1.6, 1.0)
        outline = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - [width / 2, height / 2]
    polygon = affinity.rotate(shapely.Polygon(outline), rng.uniform(-40, 40), origin=(0, 0))
    scale = float(np.sqrt(hectares * 10_000 / polygon.area))
    return shapely.transform(polygon, lambda xy: np.round(xy * scale + centre, 3))


def _around_field(site: _Site) -> tuple[Array, SourceCRS, int | None]:
    """Return a parcel that encloses the lone field and leaves it out as a hole (内环扣除)."""
    zone = int(zone_of(np.array([site.lone.centroid.x]))[0])
    local = _prefixed(zone)
    field = reproject(np.array([site.lone], dtype=object), LONLAT, local)[0]
    hole = field.buffer(SETBACK_M, join_style="mitre").simplify(0.5)
    shell = field.buffer(60.0, join_style="mitre").simplify(5.0)
    return np.array([_millimetres(shapely.Polygon(shell.exterior, [hole.exterior]))], dtype=object), local, zone


def _corridor(site: _Site) -> tuple[Array, SourceCRS, int | None]:
    """Return a road 24 m wide from the fields through the valley's redline into the hills."""
    valley = min(shapely.get_parts(site.redline), key=lambda part: part.area)
    fields = site.fields.geometries
    start = fields[site.fields.nearest(valley)].centroid
    zone = int(zone_of(np.array([valley.centroid.x]))[0])
    local = _prefixed(zone)
    points = from_lonlat(local, shapely.get_coordinates([start, valley.centroid]))
    ahead = (points[1] - points[0]) / np.hypot(*(points[1] - points[0]))
    side = np.array([-ahead[1], ahead[0]])
    middle = points.mean(axis=0) + 350 * side
    course = np.array([points[0] - 900 * ahead, points[0], middle, points[1], points[1] + 5200 * ahead + 900 * side])
    road = shapely.LineString(course).buffer(12.0, cap_style="flat", join_style="mitre")
    return np.array([_millimetres(road)], dtype=object), local, zone


def _beside_redline(site: _Site, strip_m: float, taken: list[shapely.Polygon]) -> tuple[Array, SourceCRS, int | None]:
    """Return a parcel that follows the redline vertex by vertex: touching it, or overlapping by a strip."""
    part = max(shapely.get_parts(site.redline), key=lambda each: each.area)
    ring = shapely.get_coordinates(part.exterior)[:-1]
    for chain in _chains(ring, 3):
        metres = np.array([111_320 * np.cos(np.radians(chain[0, 1])), 111_080.0])  # per degree, good enough here
        along = (chain[-1] - chain[0]) * metres
        for normal in (np.array([-along[1], along[0]]), np.array([along[1], -along[0]])):
            outward = normal / np.hypot(*normal) / metres
            outer = np.array([chain[-1], chain[0]]) + 60.0 * outward
            parcel = shapely.Polygon(np.round(np.concatenate([chain - strip_m * outward, outer]), DECIMALS))
            touching = shapely.Polygon(np.round(np.concatenate([chain, outer]), DECIMALS))
            free = not shapely.intersects(taken, parcel).any()
            if free and touching.is_valid and parcel.is_valid and touching.touches(part):
                return np.array([parcel], dtype=object), LONLAT, None
    raise ValueError("the demo redline has no straight enough stretch for a neighbour")


def _chains(ring: Array, length: int) -> Iterator[Array]:
    for start in range(len(ring) - length):
        yield ring[start : start + length]
