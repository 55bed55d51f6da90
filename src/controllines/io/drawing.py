"""Drawings (DXF): what GDAL has to be told before it reads one, and closed lines to polygons."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import shapely

from controllines.errors import InputError
from controllines.findings import Finding, finding
from controllines.io.curves import arc_step_degrees
from controllines.io.gate import Opened
from controllines.io.source import Source

#: GDAL takes one angle for all arcs of a drawing; below this one, small circles would drown in points.
_FINEST_DEGREES = 0.002
_CHINESE = ("936", "GBK", "GB2312", "GB18030")


@dataclass(frozen=True)
class Looked:
    """What a first look at a drawing says: options for GDAL, encoding of its text, number of arcs, findings."""

    options: Mapping[str, str]
    encoding: str | None
    curves: int
    findings: tuple[Finding, ...]


@dataclass
class _Entity:
    """One entity on the way through the file: its type, its vertices with their bulges, its radius."""

    kind: bytes
    xs: list[float] = field(default_factory=list)
    ys: list[float] = field(default_factory=list)
    bulges: dict[int, float] = field(default_factory=dict)
    radius: float = 0.0
    closed: bool = False

    def radii(self) -> Iterator[float]:
        """Yield the radius of every arc; a bulge is the tangent of a quarter of the arc's angle."""
        if self.radius:
            yield self.radius
        corners = list(zip(self.xs, self.ys, strict=False))
        for k, bulge in self.bulges.items():
            if bulge and 0 <= k < len(corners) and (k + 1 < len(corners) or self.closed):
                chord = math.dist(corners[k], corners[(k + 1) % len(corners)])
                yield chord * (1 + bulge * bulge) / (4 * abs(bulge))


def look(opened: Opened) -> Looked:
    """Find the encoding of the text, and how fine arcs must be cut.

    Raises
    ------
    InputError
        ``TEXT_UNREADABLE``, or ``FILE_CORRUPT``: the end is missing.
    """
    data = opened.path.read_bytes()
    if not re.search(rb"\n\s*0\s*\n\s*EOF\s*$", data[-100:]):
        raise InputError.of("FILE_CORRUPT", source=opened.shown, actual="没有结束标记（EOF），可能被截断")
    found: list[Finding] = []
    encoding = _encoding(data, opened, found)
    entities = list(_entities(data))
    radii = [[r for r in entity.radii() if r > 0 and math.isfinite(r)] for entity in entities]
    step = min((arc_step_degrees(r) for own in radii for r in own), default=4.0)
    loose = sum(entity.kind in (b"SPLINE", b"ELLIPSE") for entity in entities)
    if loose:
        found.append(finding("DXF_SPLINE", source=opened.shown, actual=loose))
    options = {"OGR_ARC_STEPSIZE": f"{max(step, _FINEST_DEGREES):.6f}"}
    if encoding:
        options["DXF_ENCODING"] = encoding
    return Looked(options, encoding, sum(map(bool, radii)), tuple(found))


def _encoding(data: bytes, opened: Opened, found: list[Finding]) -> str | None:
    """Return the encoding of the text, None if all of it is ASCII.

    What the header says is not believed against the bytes: CAD on Chinese Windows writes ANSI_1252 over GBK.
    """
    if data.isascii():
        return None
    name = next((name for name in ("UTF-8", "GB18030") if _decodes(data, name)), None)
    if name is None:
        raise InputError.of("TEXT_UNREADABLE", source=opened.shown)
    page = re.search(rb"\$DWGCODEPAGE\s+3\s+(\S+)", data[:65_536])
    told = page[1].decode("ascii", "replace") if page else ""
    if name == "GB18030" and not told.upper().endswith(_CHINESE):
        code = "ENCODING_CONTRADICTS" if told else "ENCODING_GUESSED"
        found.append(finding(code, source=opened.shown, expected=told or None, actual=name))
    return name


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _entities(data: bytes) -> Iterator[_Entity]:
    """Yield what may hold arcs; the corners of an old-style POLYLINE are entities of their own."""
    lines = data.split(b"\n")
    now = _Entity(b"")
    for code, value in zip(lines[::2], lines[1::2], strict=False):
        number, text = code.strip(), value.strip()
        if number == b"0":
            if text == b"VERTEX":
                continue
            yield now
            now = _Entity(text)
        elif number in _WANTED:
            _take(now, number, text)
    yield now


_WANTED = (b"10", b"20", b"42", b"40", b"70")


def _take(entity: _Entity, number: bytes, text: bytes) -> None:
    try:
        value = float(text)
    except ValueError:
        return
    if entity.kind in (b"LWPOLYLINE", b"POLYLINE"):
        if number == b"10":
            entity.xs.append(value)
        elif number == b"20":
            entity.ys.append(value)
        elif number == b"42":
            entity.bulges[len(entity.xs) - 1] = value
        elif number == b"70" and not entity.xs:
            entity.closed = bool(int(value) & 1)
    elif number == b"40" and entity.kind in (b"ARC", b"CIRCLE", b"HATCH"):
        entity.radius = max(entity.radius, value)


def with_areas(source: Source) -> Source:
    """Return the source with its closed lines as polygons and without its annotations, which it counts."""
    text = source.frame["Text"].notna().to_numpy() if "Text" in source.frame else np.zeros(len(source.geoms), bool)
    kept = ~(text & (shapely.get_type_id(source.geoms) == 0))
    geoms, frame = source.geoms[kept].copy(), source.frame[kept].reset_index(drop=True)
    closed = (shapely.get_type_id(geoms) == 1) & shapely.is_closed(geoms) & (shapely.get_num_coordinates(geoms) >= 4)
    geoms[closed] = [shapely.Polygon(line.coords) for line in geoms[closed]]
    found = [*source.findings]
    if not kept.all():
        found.append(finding("DXF_TEXT", source=source.path, actual=int((~kept).sum())))
    found += _nested(source, frame, geoms, np.flatnonzero(closed))
    return replace(source, frame=frame, geoms=geoms, findings=tuple(found))


def _nested(source: Source, frame: pd.DataFrame, geoms: np.ndarray, closed: np.ndarray) -> Iterator[Finding]:
    """Yield a finding for every closed line within another one of the same CAD layer."""
    if "Layer" not in frame or len(closed) < 2:
        return
    layers = frame["Layer"].to_numpy()
    rings = shapely.make_valid(geoms[closed], method="structure", keep_collapsed=False)
    inner, outer = shapely.STRtree(rings).query(rings, predicate="within")
    pairs = zip(closed[inner], closed[outer], strict=True)
    for row in sorted({int(i) for i, o in pairs if i != o and layers[i] == layers[o]}):
        yield finding("DXF_NESTED", source=source.path, layer=str(layers[row]), feature=f"row:{row + 1}")
