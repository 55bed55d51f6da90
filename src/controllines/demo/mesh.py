"""The ground of the demo county: one mesh of patches that every layer is a union of.

Seeds are strewn in a plain plane, their Voronoi cells are the patches, and one smooth function of position warps all
vertices: what is shared stays shared, so layers fit each other to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import shapely

from controllines.area import official_area
from controllines.crs import EdgeRule, SourceCRS, from_lonlat, gauss_kruger, recognise, reproject, split_edges
from controllines.packaged import packaged

Array = np.ndarray
#: Decimals of a degree in written coordinates: 0.1 mm.
DECIMALS = 9
LONLAT = recognise("EPSG:4490")


@dataclass(frozen=True)
class Mesh:
    """Patches that tile the county.

    Attributes
    ----------
    cells : polygons in metres of :func:`home_plane`, sharing every vertex with their neighbours
    seeds : kilometres east and north of the county's middle before warping, shape (n, 2)
    tier : kind of place of each: border, town, redline, river, bank, field, ring or background
    """

    cells: Array
    seeds: Array
    tier: Array


@cache
def settings() -> dict[str, Any]:
    """Return ``data/demo.toml``."""
    return packaged("demo")


def home_plane() -> SourceCRS:
    """Return the Gauss–Krüger plane in which the county is drawn."""
    return SourceCRS(gauss_kruger(settings()["middle"]["zone"]), "cgcs2000")


def make_mesh(rng: np.random.Generator, size: str) -> Mesh:
    """Strew the seeds, make the cells, warp them.

    Parameters
    ----------
    size : ``small`` or ``county``, a key of ``sizes`` in ``data/demo.toml``
    """
    spacing = settings()["sizes"][size]
    waves = _waves(rng)  # drawn first: the county has one shape in every size
    seeds, tier, outside = _seeds(rng, spacing)
    everything = np.concatenate([seeds, outside])
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(everything * 1000), ordered=True))
    # Rounding to whole millimetres first: two cells may compute one vertex with different last bits.
    cells = shapely.transform(cells[: len(seeds)], lambda xy: np.round(xy, 3))
    cells = split_edges(np.asarray(cells), EdgeRule(spacing["edge"] * 1000))
    cells = np.asarray(shapely.transform(cells, lambda xy: _warp(xy, waves)))
    middle = settings()["middle"]
    origin = from_lonlat(home_plane(), np.array([[middle["lon"], middle["lat"]]]))[0]
    scale = np.sqrt(middle["county_km2"] * 1e6 / shapely.area(cells).sum())  # the warp does not keep areas
    return Mesh(np.asarray(shapely.transform(cells, lambda xy: origin + scale * xy)), seeds, tier)


def stretch_to(mesh: Mesh, chosen: Array, centre: Array, *, target_m2: float, radius: float = 9000.0) -> Mesh:
    """Swell or shrink the ground around a point until the chosen cells have the wanted official area together.

    Parameters
    ----------
    chosen : rows of cells
    centre : metres in :func:`home_plane`
    radius : metres; beyond it nothing moves
    """
    union = shapely.coverage_union_all(mesh.cells[chosen])

    def error(amount: float) -> float:
        moved = _swell(np.array([union]), centre, amount, radius)
        return float(official_area(written(moved), "EPSG:4490")[0]) - target_m2

    low, high = 0.0, 0.002
    at_low, at_high = error(low), error(high)
    for _ in range(8):
        if abs(at_high) < 1.0:
            break
        low, high, at_low = high, high - at_high * (high - low) / (at_high - at_low), at_high
        at_high = error(high)
    return replace(mesh, cells=_swell(mesh.cells, centre, high, radius))


def written(cells: Array) -> Array:
    """Return geometries of the home plane as longitude and latitude with the decimals that are written."""
    lonlat = reproject(cells, home_plane(), LONLAT)
    rounded = shapely.transform(lonlat, lambda xy: np.round(xy, DECIMALS))
    return np.asarray(shapely.remove_repeated_points(rounded, 0.0))


def nearness(xy: Array, centre: Array, axes: Array, *, angle: float = 0.0, phase: float = 0.0) -> Array:
    """Return distances from a centre in units of an ellipse with a wavy outline: below 1 is inside."""
    turn = np.radians(angle)
    east, north = (xy - centre).T
    along = (east * np.cos(turn) + north * np.sin(turn)) / axes[0]
    across = (north * np.cos(turn) - east * np.sin(turn)) / axes[1]
    theta = np.arctan2(across, along)
    wavy = 1 + 0.14 * np.sin(3 * theta + phase) + 0.08 * np.sin(5 * theta + 2 * phase)
    return np.asarray(np.hypot(along, across) / wavy)


def _swell(cells: Array, centre: Array, amount: float, radius: float) -> Array:
    def move(xy: Array) -> Array:
        arm = xy - centre
        share = np.clip(1 - (arm**2).sum(axis=1) / radius**2, 0, None) ** 2
        return np.asarray(xy + amount * share[:, None] * arm)

    return np.asarray(shapely.transform(cells, move))


def _waves(rng: np.random.Generator) -> Array:
    """Rows of wave number east and north (per m), phase, amplitude east and north (m)."""
    rows = []
    for wave in settings()["waves"]:
        for direction in rng.uniform(0, 2 * np.pi, 2):
            number = 2 * np.pi / (wave["length"] * 1000)
            push = rng.uniform(0, 2 * np.pi)
            amplitude = wave["amplitude"] / np.sqrt(2)
            rows.append(
                [number * np.cos(direction), number * np.sin(direction), rng.uniform(0, 2 * np.pi),
                 amplitude * np.cos(push), amplitude * np.sin(push)]
            )  # fmt: skip
    return np.array(rows)


def _warp(xy: Array, waves: Array) -> Array:
    moved = xy.copy()
    for east, north, phase, push_east, push_north in waves:
        swing = np.sin(xy[:, 0] * east + xy[:, 1] * north + phase)
        moved = moved + swing[:, None] * np.array([push_east, push_north])
    return np.asarray(moved)


def _seeds(rng: np.random.Generator, spacing: dict[str, Any]) -> tuple[Array, Array, Array]:
    """Return seeds, their tiers, and the seeds outside the county that give its border a shape."""
    inside, outside, county = _border(spacing["border"])
    placed, tiers = [inside], [np.full(len(inside), "border", dtype=object)]

    def place(tier: str, candidates: Array, gap: float) -> None:
        keep = shapely.contains_xy(county, candidates[:, 0], candidates[:, 1])
        candidates = candidates[keep]
        tree = _tree(np.concatenate([*placed, outside]))
        near = tree.query(shapely.points(candidates), predicate="dwithin", distance=gap)[0]
        candidates = np.delete(candidates, np.unique(near), axis=0)
        placed.append(candidates)
        tiers.append(np.full(len(candidates), tier, dtype=object))

    grid = {tier: _lattice(rng, spacing[tier], np.array(county.bounds), turn) for tier, turn in _TURNS.items()}
    for place_of, tier in ((_towns, "town"), (_redline, "redline")):
        place(tier, grid[tier][place_of(grid[tier]) < 1.25], 0.7 * spacing[tier])
    middle, banks = _river(spacing["river"])
    place("river", middle, 0.6 * spacing["river"])
    place("bank", banks, 0.45 * spacing["river"])
    place("field", grid["field"][oasis(grid["field"]) < 1], 0.7 * spacing["field"][1])
    fine = _tree(np.concatenate(placed[1:]))
    near = fine.query(shapely.points(grid["ring"]), predicate="dwithin", distance=2.6 if spacing["ring"] > 1 else 1.5)
    place("ring", grid["ring"][np.unique(near[0])], 0.7 * spacing["ring"])
    place("background", grid["background"], 0.75 * spacing["background"])
    return np.concatenate(placed), np.concatenate(tiers), outside


def _tree(xy: Array) -> shapely.STRtree:
    points: Array = np.asarray(shapely.points(xy))
    return shapely.STRtree(points)


_TURNS = {"town": 12.0, "redline": 40.0, "field": -18.0, "ring": 33.0, "background": 8.0}


def _lattice(rng: np.random.Generator, step: float | list[float], bounds: Array, turn: float) -> Array:
    """Rows of jittered points over the bounds, turned by degrees."""
    east, north = np.broadcast_to(np.asarray(step), 2)
    reach = np.hypot(*bounds[2:]) + 2 * max(east, north)
    columns, rows = (int(2 * reach / width) for width in (east, north))
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij"), axis=-1).reshape(-1, 2)
    shift = np.column_stack([(grid[:, 1] % 2) * 0.5, np.zeros(len(grid))])
    jitter = rng.uniform(-0.18, 0.18, (len(grid), 2))
    xy = (grid + shift + jitter) * [east, north] - reach
    angle = np.radians(turn)
    return np.asarray(xy @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]))


def _border(step: float) -> tuple[Array, Array, shapely.Polygon]:
    """Pairs of seeds on either side of the county's border: the cells between them meet on it."""
    border = settings()["border"]
    angle = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    power = 2 / border["exponent"]
    outline = np.column_stack([np.sign(f) * np.abs(f) ** power for f in (np.cos(angle), np.sin(angle))])
    wavy = 1 + 0.03 * np.sin(5 * angle + 1) + 0.015 * np.sin(9 * angle)
    outline = outline * wavy[:, None] * [border["half_width"], border["half_height"]]
    county = shapely.Polygon(outline)
    ring = county.exterior
    stations = np.arange(0, ring.length, ring.length / round(ring.length / step))
    here, ahead = (shapely.get_coordinates(shapely.line_interpolate_point(ring, stations + d)) for d in (-0.05, 0.05))
    normal = (ahead - here) @ np.array([[0, -1], [1, 0]]) / np.hypot(*(ahead - here).T)[:, None]
    middle = (here + ahead) / 2
    # The outline runs anticlockwise: its right-hand normal points outwards.
    return middle - normal * step / 2, middle + normal * step / 2, county


def _river(step: float) -> tuple[Array, Array]:
    course = shapely.LineString(settings()["river"]["course"])
    stations = np.arange(0, course.length, step * 1.2)
    middle = shapely.get_coordinates(shapely.line_interpolate_point(course, stations))
    sides = [shapely.get_coordinates(shapely.line_interpolate_point(line, np.arange(0, line.length, step * 1.2)))
             for line in (course.offset_curve(0.6 * step), course.offset_curve(-0.6 * step))]  # fmt: skip
    return middle, np.concatenate(sides)


def oasis(xy: Array) -> Array:
    """Nearness of the oasis."""
    place = settings()["oasis"]
    return nearness(xy, place["centre"], place["axes"], angle=place["angle"], phase=0.7)


def town(xy: Array, place: dict[str, Any]) -> Array:
    """Nearness of a town, whose radius follows from its wanted area."""
    radius = np.sqrt(place["km2"] / np.pi)
    return nearness(xy, place["centre"], np.array([1.25, 0.8]) * radius, angle=20, phase=place["centre"][0])


def _towns(xy: Array) -> Array:
    return np.asarray(np.minimum.reduce([town(xy, place) for place in settings()["towns"]]))


def redline(xy: Array, part: str) -> Array:
    """Nearness of a part of the redline."""
    place = settings()["redline"][part]
    radius = np.sqrt(place["km2"] / np.pi)
    return nearness(xy, place["centre"], np.array([1.5, 1 / 1.5]) * radius, angle=-30, phase=place["km2"])


def _redline(xy: Array) -> Array:
    return np.asarray(np.minimum(redline(xy, "reserve"), redline(xy, "valley")))
