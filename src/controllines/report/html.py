"""地图.html: one offline file with a map, a list and a card per parcel; no request leaves it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
import shapely
from markupsafe import Markup

from controllines.kinds import AVOID
from controllines.report.figures import Area
from controllines.report.maps import Shape
from controllines.report.model import LineRow, ParcelRow, Report
from controllines.report.rulings import Ruling
from controllines.report.sentences import CLASSES
from controllines.report.words import clean, say, word, words

#: Decimals of longitude and latitude: 1 cm.
_DIGITS = 7


def to_bytes(report: Report, *, map_lines: str = "near") -> bytes:
    """Return the page as UTF-8."""
    styles = [_leaflet("leaflet.css"), _own("map.css")]
    scripts = [_leaflet("leaflet.js"), _own("map.js")]
    policy = "; ".join((
        "default-src 'none'", f"style-src {_hashes(styles)}", f"script-src {_hashes(scripts)}", "img-src data:",
        "base-uri 'none'", "form-action 'none'",
    ))  # fmt: skip
    page = _environment().get_template("map.html.j2").render(
        report=report, policy=policy, styles=styles, scripts=scripts, data=_data(report, map_lines),
        words=words()["page"], disclaimer=word("titles", "disclaimer"), schematic=word("titles", "schematic"),
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


def _data(report: Report, map_lines: str) -> Markup:
    """Return the page's data as JSON that cannot end its script element."""
    content = {
        "words": {**words()["page"], "lines": word("page", "lines_all" if map_lines == "all" else "lines")},
        "looks": [[key, word("classes", key)] for key in CLASSES],
        "lines": [
            {"key": scope.kind.key, "zh": clean(scope.kind.zh), "sense": scope.kind.sense} for scope in report.scopes
        ],
        "parcels": [_parcel(parcel, report) for parcel in report.parcels],
        "shapes": {
            "parcels": [[s.key, _geometry(s)] for s in report.map.parcels],
            "townships": [[s.label, _geometry(s)] for s in report.map.townships],
            "lines": [[s.kind, s.label, _geometry(s)] for s in report.map.lines],
            "pieces": [[s.key, s.kind, s.label, _geometry(s)] for s in report.map.pieces],
            "outside": [[s.key, s.kind, _geometry(s)] for s in report.map.outside],
        },
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _geometry(shape: Shape) -> Any:
    rounded = shapely.transform(shape.geometry, lambda xy: np.round(xy, _DIGITS))
    return json.loads(shapely.to_geojson(rounded))


def _parcel(parcel: ParcelRow, report: Report) -> dict[str, Any]:
    facts = [
        ("project", parcel.project), ("township", "、".join(parcel.unit_names("township"))),
        ("zone", "、".join(parcel.unit_names("planning_zone"))), ("declared", _full(parcel.declared)),
        ("planar", _full(parcel.planar)), ("official", _full(parcel.official)), ("source", parcel.source),
    ]  # fmt: skip
    return {
        "serial": parcel.serial, "id": parcel.parcel_id, "name": parcel.name, "project": parcel.project,
        "status": word("status", parcel.status), "look": parcel.look, "reason": parcel.reason,
        "area": _full(parcel.shown), "m2": parcel.shown.m2 or 0,
        "facts": [[word("page", key), text] for key, text in facts if text],
        "convention": say("area", "short", area=report.show.name),
        "townships": list(parcel.unit_names("township")),
        "lines": [_line(line) for line in parcel.lines],
    }  # fmt: skip


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
        "key": line.scope.kind.key, "result": line.result, "look": line.look, "sentence": line.sentence,
        "verdict": line.ruling.word, "areas": [[word("page", key), _full(part)] for key, part in areas],
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
