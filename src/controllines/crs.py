"""Coordinate reference systems (坐标系) and the one plane in which planar area *is* the official area.

pyproj alone interprets CRS. The datum is recognised first; then a pipeline is built explicitly: inverse of the
source's own projection, longitude and latitude taken as CGCS2000, cylindrical equal-area plane of the CGCS2000
ellipsoid. PROJ is never asked to find a way between two datums: it would call a way from Xi'an 80 "ballpark" and
shift nothing. WGS84 (also in Web Mercator and UTM) is taken as CGCS2000, which lies centimetres apart, with a warning.

What no software can see in the numbers: GCJ-02 (火星坐标, web maps, off by 300 to 700 m) looks like any longitude and
latitude; so does a wrong central meridian (中央经线) without zone prefix, unless the place is far from the plan.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import numpy as np
import pyproj
import shapely
from pyproj.exceptions import ProjError

from controllines.errors import CRSError

Array = np.ndarray

#: CGCS2000 ellipsoid (2000国家大地坐标系), GB 22021.
A = 6378137.0
RF = 298.257222101
E2 = (2 - 1 / RF) / RF
E = math.sqrt(E2)

LONLAT = "EPSG:4490"
#: Survey offices split an edge every 70 m on the projected line before computing areas (三调测评).
EDGE_LENGTH_M = 70.0

_CGCS2000 = {"china2000", "dchina2000", "cgcs2000", "chinageodeticcoordinatesystem2000", "chinageodeticdatum2000"}
_WGS84 = {"wgs84", "wgs1984", "dwgs1984", "worldgeodeticsystem1984", "worldgeodeticsystem1984ensemble"}
_NEEDS_PARAMETERS = {
    "xian1980": "西安80", "dxian1980": "西安80", "xian80": "西安80",
    "beijing1954": "北京54", "dbeijing1954": "北京54", "newbeijing": "新北京54", "dnewbeijing": "新北京54",
}  # fmt: skip
#: EPSG code less zone number, by datum and width of the zone: with prefix (带号), without.
_ZONE_CODES = {
    ("cgcs2000", 3): (4488, 4509), ("cgcs2000", 6): (4478, 4489), ("xian80", 3): (2324, 2345),
    ("xian80", 6): (2314, 2325), ("beijing54", 3): (2376, 2397), ("beijing54", 6): (21400, 21440),
}  # fmt: skip
#: No coordinate on the earth is larger in metres, a zone prefix included; what has one is set aside by itself.
LARGEST = 1e8
#: Zones in the register.
_ZONES = {3: (25, 45), 6: (13, 23)}
#: Names that ArcGIS gives to the zones; zone 24, which no register holds, can be declared by them.
_ESRI_NAME = re.compile(r"CGCS2000_(3_Degree_)?GK_(?:Zone_(\d{2})|CM_(\d{2,3})E)", re.IGNORECASE)
#: Longitudes and latitudes of China: their ranges do not meet, so swapped axes (坐标轴颠倒) show.
_LON, _LAT = (73.0, 136.0), (3.0, 54.0)


@dataclass(frozen=True)
class EdgeRule:
    """How long a projected edge may be before it is split (线段加密).

    Attributes
    ----------
    max_length_m : metres; edges of a projected layer are split into equal parts no longer than this, counted from
        their lexicographically smaller end, so that neighbours split a common edge alike
    """

    max_length_m: float = EDGE_LENGTH_M


@dataclass(frozen=True)
class SourceCRS:
    """A recognised CRS of a source (源坐标系).

    Attributes
    ----------
    crs : two-dimensional CRS
    datum : ``cgcs2000``, ``wgs84`` (taken as CGCS2000, centimetres apart), ``as_is`` (foreign, declared) or
        ``parameters`` (old, to be converted with seven parameters before anything else: :mod:`controllines.datum`)
    """

    crs: pyproj.CRS
    datum: str

    @property
    def projected(self) -> bool:
        """True where coordinates are metres in a projection, not degrees."""
        return bool(self.crs.is_projected)

    @cached_property
    def name(self) -> str:
        """``EPSG:…`` where the CRS is in the register, else its WKT."""
        return crs_name(self.crs)

    @property
    def zone(self) -> int | None:
        """Number of the 3° zone (3度带带号) of a Gauss–Krüger CRS, else None."""
        parameters = projection(self.crs)
        if parameters is None or parameters["k"] != 1 or parameters["lon_0"] % 3:
            return None
        return round(parameters["lon_0"] / 3)


@dataclass(frozen=True)
class Plane:
    """The working plane: cylindrical equal-area on the CGCS2000 ellipsoid, centred on the county.

    Attributes
    ----------
    lon_0, lat_0 : whole degrees of its middle; they scale x against y and keep digits, areas do not depend on them
    """

    lon_0: int
    lat_0: int

    @property
    def _k(self) -> float:
        sine = math.sin(math.radians(self.lat_0))
        return math.cos(math.radians(self.lat_0)) / math.sqrt(1 - E2 * sine * sine)

    @property
    def _y_0(self) -> float:
        return -A * float(_authalic(np.array(math.radians(self.lat_0)))) / (2 * self._k)

    @property
    def step(self) -> str:
        """The PROJ step from longitude and latitude (radians) to the plane."""
        return f"proj=cea lon_0={self.lon_0} lat_ts={self.lat_0} x_0=0 y_0={self._y_0!r} a={A} rf={RF}"

    def forward(self, source: SourceCRS) -> pyproj.Transformer:
        """Return the transformer from the source's coordinates (x east, y north) to the plane."""
        return _pipeline(self, source.crs.to_wkt())

    def inverse(self, xy: Array) -> Array:
        """Return longitude and latitude (degrees, CGCS2000) of plane coordinates of shape (n, 2).

        The closed form is inverted by Newton's method to 1e-14 rad: PROJ's own inverse of ``cea`` is 0.8 mm off.
        """
        lon = self.lon_0 + np.degrees(xy[:, 0] / (A * self._k))
        wanted = (xy[:, 1] - self._y_0) * 2 * self._k / A
        lat = np.arcsin(np.clip(wanted / _authalic(np.array(math.pi / 2)), -1, 1))
        for _ in range(5):
            sine = np.sin(lat)
            slope = 2 * (1 - E2) * np.cos(lat) / (1 - E2 * sine * sine) ** 2
            lat = lat + (wanted - _authalic(lat)) / slope
        return np.column_stack([lon, np.degrees(lat)])

    def stretch(self, y: Array) -> Array:
        """Return s at plane ordinates ``y``: x · s and y / s are true metres there.

        The plane keeps areas, so its two local scales are inverse to each other.
        """
        lat = np.radians(self.inverse(np.column_stack([np.zeros_like(y), y]))[:, 1])
        return np.asarray(np.cos(lat) / np.sqrt(1 - E2 * np.sin(lat) ** 2) / self._k)


def _authalic(lat: Array) -> Array:
    """q(φ): twice the area between equator and latitude per radian of longitude, in units of a²."""
    sine = np.sin(lat)
    return np.asarray((1 - E2) * (sine / (1 - E2 * sine * sine) + np.arctanh(E * sine) / E))


def plane_of(lonlat_bounds: tuple[float, float, float, float]) -> Plane:
    """Return the plane whose middle is that of the bounds (degrees), rounded to whole degrees."""
    west, south, east, north = lonlat_bounds
    return Plane(math.floor((west + east) / 2 + 0.5), math.floor((south + north) / 2 + 0.5))


@lru_cache(maxsize=256)
def _pipeline(plane: Plane, wkt: str) -> pyproj.Transformer:
    crs = pyproj.CRS.from_wkt(wkt)
    steps = "proj=pipeline step proj=unitconvert xy_in=deg xy_out=rad"
    if crs.is_projected:
        # A projected CRS to its own geographic base is a conversion: there is nothing to search for.
        own = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).definition
        own = own if own.startswith("proj=pipeline") else f"proj=pipeline step {own}"
        steps = f"{own} step proj=unitconvert xy_in=deg xy_out=rad"
    return pyproj.Transformer.from_pipeline(f"{steps} step {plane.step}")


@lru_cache(maxsize=256)
def _own_lonlat(wkt: str) -> pyproj.Transformer | None:
    crs = pyproj.CRS.from_wkt(wkt)
    return pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True) if crs.is_projected else None


def to_lonlat(source: SourceCRS, xy: Array) -> Array:
    """Return longitude and latitude (degrees) of source coordinates of shape (n, 2), on the source's own datum."""
    transformer = _own_lonlat(source.crs.to_wkt())
    return xy if transformer is None else np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))


def from_lonlat(target: SourceCRS, lonlat: Array) -> Array:
    """Return coordinates (x east, y north) in the target CRS of longitude and latitude taken as its own datum."""
    transformer = _own_lonlat(target.crs.to_wkt())
    if transformer is None:
        return lonlat
    return np.column_stack(transformer.transform(lonlat[:, 0], lonlat[:, 1], direction="INVERSE"))


def recognise(crs: object, *, datum: str | None = None, source: object = None, layer: str | None = None) -> SourceCRS:
    """Recognise a CRS and refuse what cannot be brought to CGCS2000 without a guess.

    Parameters
    ----------
    crs : anything pyproj understands, or ArcGIS's name of a zone (``CGCS2000_3_Degree_GK_Zone_24``); its third
        dimension and vertical part are ignored
    datum : ``"as_is"`` takes the longitude and latitude of a foreign datum as CGCS2000; ``"parameters"`` lets Xi'an 80
        and Beijing 54 in, for a caller who has their seven parameters
    source, layer : what the CRS belongs to, for the error

    Raises
    ------
    CRSError
        No CRS, one that pyproj does not understand, Xi'an 80 or Beijing 54 (they need seven parameters),
        or another datum without ``datum="as_is"``.
    """
    if crs is None or crs == "":
        raise CRSError.of("CRS_MISSING", source=source, layer=layer, hint="")
    try:
        parsed = _horizontal(_esri_zone(crs) or pyproj.CRS.from_user_input(crs))
        family = _family(parsed)
        _own_lonlat(parsed.to_wkt())  # a definition can be well written and still impossible
    except ProjError:
        raise CRSError.of("CRS_UNKNOWN", source=source, layer=layer, actual=str(crs)[:120]) from None
    if not (parsed.is_projected or parsed.is_geographic):
        raise CRSError.of("CRS_UNKNOWN", source=source, layer=layer, actual=parsed.name)
    if family in ("cgcs2000", "wgs84"):
        return SourceCRS(parsed, family)
    if datum == "as_is":
        return SourceCRS(parsed, "as_is")
    old = family in _NEEDS_PARAMETERS.values()
    if old and datum == "parameters":
        return SourceCRS(parsed, "parameters")
    if old:
        raise CRSError.of("CRS_NEEDS_PARAMETERS", source=source, layer=layer, actual=family)
    raise CRSError.of("CRS_FOREIGN_DATUM", source=source, layer=layer, actual=parsed.name)


def _esri_zone(text: object) -> pyproj.CRS | None:
    named = _ESRI_NAME.fullmatch(text.strip()) if isinstance(text, str) else None
    if named is None:
        return None
    degrees = 3 if named[1] else 6
    zone = float(named[2]) if named[2] else int(named[3]) / 3 if degrees == 3 else (int(named[3]) + 3) / 6
    known = zone_prefix(zone * 1_000_000) == (zone, degrees)
    return gauss_kruger(int(zone), degrees=degrees, prefix=named[2] is not None) if known else None


def _horizontal(crs: pyproj.CRS) -> pyproj.CRS:
    """Return the two-dimensional part, without height and without a stored way to WGS84 (TOWGS84)."""
    if crs.is_compound:
        return _horizontal(crs.sub_crs_list[0])
    if crs.is_bound and crs.source_crs is not None:
        return _horizontal(crs.source_crs)
    return crs.to_2d() if len(crs.axis_info) > 2 else crs  # to_2d() rewrites a flat CRS too, and its code is lost


def _family(crs: pyproj.CRS) -> str:
    """Return the datum by one name for all its spellings: ``cgcs2000``, ``wgs84``, ``西安80`` …, else its own."""
    datum = crs.geodetic_crs.datum if crs.geodetic_crs else None
    name = re.sub(r"[^a-z0-9]", "", datum.name.lower() if datum else "")
    return "cgcs2000" if name in _CGCS2000 else "wgs84" if name in _WGS84 else _NEEDS_PARAMETERS.get(name, name)


def same(first: pyproj.CRS, second: pyproj.CRS) -> bool:
    """Return whether two CRS give the same meaning to x and y (names and axis order aside)."""
    if first.is_projected != second.is_projected:
        return False
    if _family(first) != _family(second):
        return False
    if not first.is_projected or first.equals(second, ignore_axis_order=True):
        return True
    units = {axis.unit_conversion_factor for crs in (first, second) for axis in crs.axis_info}
    return len(units) == 1 and projection(first) is not None and projection(first) == projection(second)


def crs_name(crs: pyproj.CRS) -> str:
    """Return ``EPSG:…`` where pyproj finds the CRS in its register, else WKT."""
    authority = crs.to_authority(min_confidence=70)
    return ":".join(authority) if authority else crs.to_wkt()


@cache
def gauss_kruger(zone: int, *, degrees: int = 3, prefix: bool = False, datum: str = "cgcs2000") -> pyproj.CRS:
    """Return the Gauss–Krüger CRS (高斯克吕格) of a zone.

    Parameters
    ----------
    zone : number of the zone (带号)
    degrees : width of the zone, 3 or 6 (几度分带)
    prefix : True if eastings carry the number of the zone (东坐标含带号)
    datum : ``cgcs2000``, ``xian80`` or ``beijing54``

    Notes
    -----
    Zones outside the EPSG register, such as 3° zone 24 in the far west of 喀什, are built from one inside it.
    """
    first, last = _ZONES[degrees]
    offset = _ZONE_CODES[datum, degrees][0 if prefix else 1]
    if first <= zone <= last:
        return pyproj.CRS.from_epsg(offset + zone)
    known = pyproj.CRS.from_epsg(offset + first).to_json_dict()
    known.pop("id", None)
    known.pop("area", None)
    known.pop("bbox", None)
    base = known["name"].split(" / ")[0]
    known["name"] = f"{base} / {degrees}-degree Gauss-Kruger zone {zone}" + ("" if prefix else " (no prefix)")
    known["conversion"]["name"] = f"{degrees}-degree Gauss-Kruger zone {zone}"
    known["conversion"].pop("id", None)
    for parameter in known["conversion"]["parameters"]:
        if parameter["name"] == "Longitude of natural origin":
            parameter["value"] = zone * 3 if degrees == 3 else zone * 6 - 3
        elif parameter["name"] == "False easting" and prefix:
            parameter["value"] = zone * 1_000_000 + 500_000
    return pyproj.CRS.from_json_dict(known)


def zone_of(lon: float | Array) -> Array:
    """Return the number of the 3° zone (3度带带号) that longitudes (degrees) lie in."""
    return np.floor((np.asarray(lon) + 1.5) / 3).astype(int)


def zone_prefix(easting: float) -> tuple[int, int] | None:
    """Return (zone, 3 or 6) read from an easting with eight digits, else None.

    Zones 25–45 are 3° zones and 13–23 are 6° zones; the ranges do not meet.
    """
    zone = int(easting // 1_000_000)
    if 24 <= zone <= 45:
        return zone, 3
    return (zone, 6) if 13 <= zone <= 23 else None


def projection(crs: pyproj.CRS) -> dict[str, float] | None:
    """Return the parameters of a transverse Mercator projection, else None."""
    operation = crs.coordinate_operation
    if not crs.is_projected or operation is None or operation.method_name != "Transverse Mercator":
        return None
    names = {
        "Latitude of natural origin": "lat_0", "Longitude of natural origin": "lon_0",
        "Scale factor at natural origin": "k", "False easting": "x_0", "False northing": "y_0",
    }  # fmt: skip
    left_out = {"lat_0": 0.0, "lon_0": 0.0, "k": 1.0, "x_0": 0.0, "y_0": 0.0}  # as PROJ takes them
    return left_out | {names[p.name]: round(float(p.value), 9) for p in operation.params if p.name in names}


def check_range(
    source: SourceCRS, bounds: Array, *, ids: Array | None = None, file: object = None, layer: str | None = None
) -> None:
    """Refuse coordinates that cannot belong to the CRS: metres against degrees, swapped axes, prefix against label.

    Parameters
    ----------
    bounds : xmin, ymin, xmax, ymax of all coordinates, or of each feature, shape (n, 4)
    ids : names of the features; the error names the first wrong one where only some are

    Raises
    ------
    CRSError
        ``CRS_AXES_SWAPPED``, ``CRS_METRES_AS_DEGREES``, ``CRS_DEGREES_AS_METRES``, ``CRS_PREFIX_CONTRADICTS``, or
        ``CRS_MIXED_ZONES``: some features carry the prefix of the label and some another.
    """
    given = np.atleast_2d(np.asarray(bounds, float))
    rows = np.flatnonzero(np.isfinite(given).all(axis=1))
    for code, wrong in _wrong_ranges(source, given[rows]):
        if not wrong.any() or (source.datum == "as_is" and not wrong.all()):
            continue
        box = given[rows][wrong]
        low, high = box.min(axis=0), box.max(axis=0)
        some = not wrong.all()
        raise CRSError.of(
            "CRS_MIXED_ZONES" if some and code == "CRS_PREFIX_CONTRADICTS" else code,
            source=file, layer=layer, expected=source.crs.name,
            feature=ids[rows[wrong.argmax()]] if some and ids is not None else None,
            actual=f"x {low[0]:.3f}…{high[2]:.3f}, y {low[1]:.3f}…{high[3]:.3f}",
        )  # fmt: skip


def _wrong_ranges(source: SourceCRS, boxes: Array) -> list[tuple[str, Array]]:
    """Return codes of errors with the rows of boxes that show them, the most telling first."""
    xmin, ymin, xmax, ymax = boxes.T
    degrees = (np.maximum(abs(xmin), abs(xmax)) <= 360) & (np.maximum(abs(ymin), abs(ymax)) <= 90)
    ours = source.datum != "as_is"
    if not source.projected:
        swapped = (xmin >= _LAT[0]) & (xmax <= _LAT[1]) & (ymin >= _LON[0]) & (ymax <= _LON[1])
        return [("CRS_AXES_SWAPPED", swapped & ours), ("CRS_METRES_AS_DEGREES", ~degrees & ~swapped)]
    found = [("CRS_DEGREES_AS_METRES", degrees)]
    parameters = projection(source.crs)
    if ours and parameters is not None and parameters["k"] == 1:
        labelled = int(parameters["x_0"] // 1_000_000)
        north = (xmin >= 1.5e6) & (xmax < 6e6)
        east = (ymin >= 1e5) & (ymax < 9e5) if labelled == 0 else _prefixes(ymin) == labelled
        found.append(("CRS_AXES_SWAPPED", north & (east | (_prefixes(ymin) >= 13))))
        found.append(("CRS_PREFIX_CONTRADICTS", (_prefixes(xmin) != labelled) | (_prefixes(xmax) != labelled)))
    return found


def _prefixes(easting: Array) -> Array:
    """Return the millions of eastings: the zone prefix; 0 within a million metres of a zone without prefix."""
    return np.where((easting >= -1e6) & (easting < 2e6), 0, np.floor(easting / 1e6))


def split_edges(geoms: Array, rule: EdgeRule) -> Array:
    """Split polygon edges longer than the rule into equal parts, alike from either direction.

    Parameters
    ----------
    geoms : array of Polygon or MultiPolygon, none missing, in metres
    """
    full = ~shapely.is_empty(geoms)
    if not full.all():  # shapely 2.2 crashes on building empty polygons from ragged arrays
        out = np.array(geoms, dtype=object)
        out[full] = split_edges(out[full], rule)
        return out
    if not len(geoms):
        return geoms
    kind, xy, offsets = shapely.to_ragged_array(geoms, include_z=False)
    start, end = xy[:-1], xy[1:]
    length = np.hypot(*(end - start).T)
    closes = np.zeros(len(xy), bool)
    closes[offsets[0][1:] - 1] = True  # the "edge" from the last point of a ring to the next ring is none
    long = np.flatnonzero((length > rule.max_length_m) & ~closes[:-1])
    if not len(long):
        return geoms
    parts = np.ceil(length[long] / rule.max_length_m).astype(np.int64)
    new = parts - 1
    edge, of = np.repeat(long, new), np.repeat(parts, new)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(new) - new, new) + 1
    here, there = xy[edge], xy[edge + 1]
    backward = (here[:, 0] > there[:, 0]) | ((here[:, 0] == there[:, 0]) & (here[:, 1] > there[:, 1]))
    low, high = np.where(backward[:, None], there, here), np.where(backward[:, None], here, there)
    share = np.where(backward, of - step, step) / of
    points = np.insert(xy, edge + 1, low + share[:, None] * (high - low), axis=0)
    before = np.concatenate([[0], np.cumsum(new)])[np.searchsorted(long, offsets[0])]
    return np.asarray(shapely.from_ragged_array(kind, points, (offsets[0] + before, *offsets[1:])))


def to_plane(geoms: Array, source: SourceCRS, plane: Plane, rule: EdgeRule | None = None) -> Array:
    """Bring polygons from their source CRS into the plane, where planar area is the official area (椭球面积).

    Edges of a projected source are straight there and are split first (``rule``, default every 70 m); edges of a
    geographic source are not: their chord in the plane *is* the side of the official trapezoid.
    """
    split = split_edges(geoms, rule or EdgeRule()) if source.projected else shapely.force_2d(geoms)
    forward = plane.forward(source)
    return _moved(split, lambda xy: np.column_stack(forward.transform(xy[:, 0], xy[:, 1])))


def from_plane(geoms: Array, plane: Plane, target: SourceCRS) -> Array:
    """Bring geometries of the plane back to a CRS, through the closed-form inverse."""
    return _moved(geoms, lambda xy: from_lonlat(target, plane.inverse(xy)))


def reproject(geoms: Array, source: SourceCRS, target: SourceCRS) -> Array:
    """Return geometries vertex by vertex in another CRS; both datums count as CGCS2000."""
    return _moved(geoms, lambda xy: from_lonlat(target, to_lonlat(source, xy)))


def lonlat_bounds(geoms: Array, source: SourceCRS) -> tuple[float, float, float, float]:
    """Return west, south, east, north (degrees) of the vertices of geometries."""
    lonlat = to_lonlat(source, shapely.get_coordinates(geoms))
    return (*map(float, lonlat.min(axis=0)), *map(float, lonlat.max(axis=0)))  # type: ignore[return-value]


def lonlat_box(boxes: Array, source: SourceCRS) -> tuple[float, float, float, float]:
    """Return west, south, east, north (degrees) of the box around boxes in source coordinates, shape (n, 4).

    Nothing inside reaches beyond its sides, which are followed in 64 steps: a county of 100 km ends to 10 m.
    """
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    sides = shapely.segmentize(shapely.box(*low, *high), max(*(high - low), 1e-9) / 64)
    return lonlat_bounds(np.array([sides]), source)


def _moved(geoms: Array, move: object) -> Array:
    return np.asarray(shapely.transform(geoms, move)) if len(geoms) else geoms  # type: ignore[call-overload]


def edge_offset(length_m: float, lat: float) -> float:
    """Return the greatest offset (m) between an edge straight in Gauss–Krüger and one straight in lon/lat.

    The sagitta L²·tan φ / 8R of a parallel against a geodesic: 0.02 m at 1 km, 0.5 m at 5 km at Xinjiang's latitudes.
    """
    return length_m**2 * math.tan(math.radians(abs(lat))) / (8 * A)
