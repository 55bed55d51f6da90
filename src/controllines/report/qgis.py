"""Styles in a GeoPackage that QGIS takes up by itself (table ``layer_styles``)."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from controllines.report.model import Report
from controllines.report.sentences import CLASSES
from controllines.report.words import clean, word
from controllines.styles import style_of, styles

#: Columns as QGIS makes them.
_TABLE = """CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT,
styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME)"""


def add_styles(path: Path, report: Report) -> None:
    """Add a default style for each layer of 三线核对成果.gpkg."""
    looks = styles()["looks"]
    parcels = {word("classes", key): looks[key] for key in CLASSES}
    names = {scope.kind.key: clean(scope.kind.zh) for scope in report.scopes}
    lines = {name: style_of(key, n) for n, (key, name) in enumerate(names.items())}
    problems = {word("severity", key): look for key, look in styles()["severity"].items()}
    made = {
        "地块": _document("fill", "XSLB", parcels),
        "重叠图斑": _document("fill", "KZX", lines),
        "问题点": _document("marker", "XZ", problems),
    }
    day = f"{report.provenance['as_of']}T00:00:00Z"
    with contextlib.closing(sqlite3.connect(path)) as book, book:
        book.execute(_TABLE)
        geometry = dict(book.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
        book.executemany(
            "INSERT INTO layer_styles VALUES (?, '', '', ?, ?, ?, ?, NULL, 1, '', '', NULL, ?)",
            [(n, layer, geometry[layer], layer, text, day) for n, (layer, text) in enumerate(made.items(), start=1)],
        )
        book.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change) VALUES "
            "('layer_styles', 'attributes', 'layer_styles', ?)", (day,)
        )  # fmt: skip


def _document(kind: str, field: str, looks: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a style that gives each value of a field its colour."""
    root = Xml.Element("qgis", version="3.22", styleCategories="Symbology")
    renderer = Xml.SubElement(root, "renderer-v2", type="categorizedSymbol", attr=field, symbollevels="0",
                              enableorderby="0", forceraster="0")  # fmt: skip
    categories, symbols = Xml.SubElement(renderer, "categories"), Xml.SubElement(renderer, "symbols")
    for number, (value, look) in enumerate(looks.items()):
        Xml.SubElement(categories, "category", symbol=str(number), value=value, label=value, render="true")
        symbol = Xml.SubElement(symbols, "symbol", type=kind, name=str(number), alpha="1", clip_to_extent="1",
                                force_rhr="0")  # fmt: skip
        simple = "SimpleFill" if kind == "fill" else "SimpleMarker"
        layer = Xml.SubElement(symbol, "layer", {"class": simple, "enabled": "1", "locked": "0", "pass": "0"})
        options = Xml.SubElement(layer, "Option", type="Map")
        for name, text in _properties(kind, look):
            Xml.SubElement(options, "Option", name=name, value=text, type="QString")
            Xml.SubElement(layer, "prop", k=name, v=text)  # what QGIS before 3.26 reads
    Xml.SubElement(root, "layerGeometryType").text = "2" if kind == "fill" else "0"
    body = Xml.tostring(root, encoding="unicode")
    return f"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n{body}"


def _properties(kind: str, look: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    fill = look.get("fill", look["line"])
    yield "color", _rgba(fill, look.get("opacity", 1.0))
    yield "outline_color", _rgba(look["line"], 1.0)
    yield "outline_style", "dash" if look.get("dash") else "solid"
    yield "outline_width", "0.46"
    yield "outline_width_unit", "MM"
    if kind == "marker":
        yield from (("name", "circle"), ("size", "2.6"), ("size_unit", "MM"))
    else:
        yield "style", "solid"


def _rgba(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return f"{red},{green},{blue},{round(255 * opacity)}"
