"""地图.html: one offline file with a map, a list and a card per parcel; no request leaves it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
import shapely
from markupsafe import Markup

from controllines.errors import UsageError
from controllines.kinds import AVOID
from controllines.report.figures import Area
from controllines.report.maps import DEGREE_M, NEAR_M, Shape
from controllines.report.model import LineRow, ParcelRow, Report
from controllines.report.points import FEW
from controllines.report.points import MOST as IN_BOOK
from controllines.report.rulings import Ruling
from controllines.report.sentences import CLASSES
from controllines.report.words import clean, say, word, words
from controllines.rules.levels import LEVELS
from controllines.rules.words import text as rule_text
from controllines.styles import styles

#: Decimals of longitude and latitude: 1 cm; 0.1 m for what is drawn for orientation only.
_DIGITS, _COARSE = 7, 6
#: More parcels than this make the page too heavy: the first are shown, and the page says so.
MOST = 2_000
#: Corner points on all cards together; further parcels refer to their file.
POINTS = 60_000
_BASEMAP = re.compile(r"https?://[A-Za-z0-9.\-]+(:\d+)?/[A-Za-z0-9\-._~/?=&%{}]*")


def check_basemap(address: str | None) -> None:
    """Refuse an address of map tiles that could not be loaded, or would say more than an address.

    Raises
    ------
    UsageError
        It is not ``http(s)://server/…{z}…{x}…{y}…`` (BASEMAP).
    """
    if address is None:
        return
    marks = sorted(re.findall(r"\{([^}]*)\}", address))
    if not _BASEMAP.fullmatch(address) or marks != ["x", "y", "z"]:
        raise UsageError.of("BASEMAP", actual=address)


def to_bytes(report: Report, *, map_lines: str = "near", basemap: str | None = None) -> bytes:
    """Return the page as UTF-8; with a basemap it loads pictures from that one server and nothing else."""
    server = " " + "/".join(basemap.split("/", 3)[:3]) if basemap else ""
    looks = [_leaflet("leaflet.css"), _own("map.css")]
    scripts = [_leaflet("leaflet.js"), _own("map.js")]
    policy = "; ".join((
        "default-src 'none'", f"style-src {_hashes(looks)}", f"script-src {_hashes(scripts)}",
        f"img-src data:{server}", "base-uri 'none'", "form-action 'none'",
    ))  # fmt: skip
    page = _environment().get_template("map.html.j2").render(
        report=report, policy=policy, styles=looks, scripts=scripts, data=_data(report, map_lines, basemap),
        words=words()["page"], disclaimer=word("titles", "disclaimer"), schematic=word("titles", "schematic"),
        basemap=basemap, first=say("page", "first", shown=MOST, total=len(report.parcels))
        if len(report.parcels) > MOST else "",
    )  # fmt: skip
    return page.encode("utf-8", "replace")


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.PackageLoader("controllines", "data/report")
    return jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _own(name: str) -> Markup:
    return Markup(_read(f"data/report/{name}"))


def _leaflet(name: str) -> Markup:
    """Return a file of Leaflet without its pointers to other files: pictures, source map."""
    text = re.sub(r"url\([^)]*\)", "none", _read(f"data/vendor/leaflet/{name}"))
    text = re.sub(r"\n//# sourceMappingURL=.*", "", text)
    return Markup(f"/*\n{_read('data/vendor/leaflet/LICENSE')}*/\n{text}")


def _read(path: str) -> str:
    return files("controllines").joinpath(path).read_text(encoding="utf-8").replace("\r\n", "\n")


def _hashes(blocks: list[Markup]) -> str:
    digests = (base64.b64encode(hashlib.sha256(block.encode()).digest()).decode() for block in blocks)
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def _data(report: Report, map_lines: str, basemap: str | None) -> Markup:
    """Return the page's data as JSON that cannot end its script element."""
    parcels, room = report.parcels[:MOST], POINTS
    judged = [level for level in reversed(LEVELS) if any(parcel.level == level for parcel in parcels)]
    cards = []
    for parcel in parcels:
        points = report.corners.counts.get(parcel.parcel_id, 0)
        room -= points if points <= FEW else 0
        cards.append(_parcel(parcel, report, corners=room >= 0))
    content = {
        "words": {**words()["page"], "lines": word("page", "lines_all" if map_lines == "all" else "lines")},
        "looks": [[key, word("classes", key)] for key in CLASSES],
        "levels": [[level, rule_text("table", level)] for level in judged],
        "colours": {key: look["line"] for key, look in styles()["looks"].items()},
        "lines": [
            {"key": scope.kind.key, "zh": clean(scope.kind.zh), "sense": scope.kind.sense} for scope in report.scopes
        ],
        "axes": report.corners.axes,
        "parcels": cards,
        "total": len(report.parcels),
        "basemap": basemap,
    }
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    whole = f'{body[:-1]},"shapes":{_shapes(report)}}}'
    for sign in "<>&\u2028\u2029":
        whole = whole.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(whole)


def _shapes(report: Report) -> str:
    """Return the shapes of the page as JSON: of the parcels that are shown, and of the lines near them."""
    shown = {parcel.parcel_id for parcel in report.parcels[:MOST]}
    lines: Sequence[Shape] = report.map.lines
    if len(report.parcels) > MOST:
        near = shapely.STRtree([s.geometry for s in report.map.parcels if s.key in shown])
        met = near.query([s.geometry for s in lines], predicate="dwithin", distance=2 * NEAR_M / DEGREE_M)[0]
        lines = [lines[n] for n in np.unique(met)]
    parts = {
        "parcels": _drawn([s for s in report.map.parcels if s.key in shown], ("key",), _DIGITS),
        "townships": _drawn(report.map.townships, ("label",), _COARSE),
        "lines": _drawn(lines, ("kind", "label"), _COARSE),
        "pieces": _drawn([s for s in report.map.pieces if s.key in shown], ("key", "kind", "label"), _DIGITS),
        "outside": _drawn([s for s in report.map.outside if s.key in shown], ("key", "kind"), _DIGITS),
    }
    return "{" + ",".join(f'"{name}":{part}' for name, part in parts.items()) + "}"


def _drawn(shapes: Sequence[Shape], fields: tuple[str, ...], digits: int) -> str:
    """Return shapes as a JSON list, each with some of its fields and then its geometry."""
    geoms = np.array([shape.geometry for shape in shapes], dtype=object)
    rounded = shapely.transform(geoms, lambda xy: np.round(xy, digits))
    drawn = [str(text) for text in np.asarray(shapely.to_geojson(rounded))]
    named = (json.dumps([getattr(shape, field) for field in fields], ensure_ascii=False) for shape in shapes)
    return "[" + ",".join(f"{name[:-1]},{geometry}]" for name, geometry in zip(named, drawn, strict=True)) + "]"


def _parcel(parcel: ParcelRow, report: Report, *, corners: bool) -> dict[str, Any]:
    facts = [
        ("verdict", parcel.verdict if parcel.lines else ""), ("project", parcel.project),
        ("township", "、".join(parcel.unit_names("township"))), ("zone", "、".join(parcel.unit_names("planning_zone"))),
        ("use", parcel.use), ("declared", _full(parcel.declared)), ("planar", _full(parcel.planar)),
        ("official", _full(parcel.official)), ("source", parcel.source),
    ]  # fmt: skip
    return {
        "serial": parcel.serial, "id": parcel.parcel_id, "name": parcel.name, "project": parcel.project,
        "status": word("status", parcel.status), "look": parcel.look, "reason": parcel.reason,
        "area": _full(parcel.shown), "m2": parcel.shown.m2 or 0,
        "facts": [[word("page", key), text] for key, text in facts if text],
        "convention": say("area", "short", area=report.show.name),
        "townships": list(parcel.unit_names("township")),
        "lines": [_line(line) for line in parcel.lines],
        "level": parcel.level, "verdict": parcel.verdict if parcel.level else "",
    } | _points(parcel, report, corners=corners)  # fmt: skip


def _points(parcel: ParcelRow, report: Report, *, corners: bool) -> dict[str, Any]:
    """Return the corner table of a card, or where the points are."""
    count = report.corners.counts.get(parcel.parcel_id, 0)
    if not count:
        return {"corners": [], "elsewhere": ""}
    if not corners or count > FEW:
        where = "corners_in_book" if FEW < count <= IN_BOOK else "corners_in_file"
        return {"corners": [], "elsewhere": say("page", where, count=count)}
    points = [[point.ring, point.name, point.x.text, point.y.text, point.edge.text]
              for point in report.corners.of(parcel.parcel_id)]  # fmt: skip
    return {"corners": points, "elsewhere": ""}


def _line(line: LineRow) -> dict[str, Any]:
    shown = line.shown
    if line.scope.kind.sense != AVOID:
        areas = [("inside", shown.inside), ("outside_area", shown.outside)]
    elif "kcxs" in line.scope.kind.fields:
        areas = [("net", shown.net), ("gross", shown.conflict)]
    else:
        areas = [("overlap", shown.conflict)]
    if shown.uncovered.m2:
        areas.append(("uncovered", shown.uncovered))
    return {
        "key": line.scope.kind.key, "result": line.result, "look": line.look, "level": line.ruling.level,
        "sentence": line.sentence, "verdict": line.ruling.word,
        "areas": [[word("page", key), _full(part)] for key, part in areas],
        "ruled": [[word("page", key), text] for key, text in _ruled(line.ruling) if text],
    }  # fmt: skip


def _ruled(said: Ruling) -> list[tuple[str, str]]:
    if not said.speaks:
        return []
    return [("ruling", "".join(said.sentences)), ("basis", "；".join(said.basis)),
            ("requires", "、".join(said.requires)), ("question", "".join(said.questions))]  # fmt: skip


def _full(part: Area) -> str:
    """Return an area as the tables print it: 公顷 and 亩, or —."""
    if part.m2 is None or part.ha.number is None:
        return part.ha.text
    return part.phrase if part.m2 else f"{part.ha.text}公顷"
