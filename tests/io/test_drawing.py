"""Drawings (DXF), written line by line as CAD does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pyproj
import pytest
import shapely

from controllines.errors import InputError
from controllines.io import read
from tests.builders import noted, only

Point = tuple[float, float]
SQUARE = [(26543000.0, 4405000.0), (26543300.0, 4405000.0), (26543300.0, 4405200.0), (26543000.0, 4405200.0)]


def polyline(
    points: Sequence[Point], *, layer: str = "用地红线", closed: int = 1, bulges: Sequence[float] = ()
) -> list[str]:
    out = [
        "0",
        "LWPOLYLINE",
        "100",
        "AcDbEntity",
        "8",
        layer,
        "100",
        "AcDbPolyline",
        "90",
        str(len(points)),
        "70",
        str(closed),
    ]
    for k, (x, y) in enumerate(points):
        out += ["10", str(x), "20", str(y)]
        if k < len(bulges):
            out += ["42", str(bulges[k])]
    return out


def hatch(points: Sequence[Point], layer: str = "填充") -> list[str]:
    out = [
        "0",
        "HATCH",
        "100",
        "AcDbEntity",
        "8",
        layer,
        "100",
        "AcDbHatch",
        "10",
        "0",
        "20",
        "0",
        "30",
        "0",
        "210",
        "0",
    ]
    out += ["220", "0", "230", "1", "2", "SOLID", "70", "1", "71", "0", "91", "1", "92", "2", "72", "0", "73", "1"]
    out += ["93", str(len(points))]
    for x, y in points:
        out += ["10", str(x), "20", str(y)]
    return [*out, "97", "0", "75", "0", "76", "1", "98", "0"]


TEXT = ["0", "TEXT", "8", "注记", "10", "5", "20", "5", "40", "1", "1", "地块一"]


def drawing(path: Path, *entities: list[str], page: str = "ANSI_936", encoding: str = "gb18030") -> Path:
    head = [
        "0",
        "SECTION",
        "2",
        "HEADER",
        "9",
        "$ACADVER",
        "1",
        "AC1015",
        "9",
        "$DWGCODEPAGE",
        "3",
        page,
        "0",
        "ENDSEC",
    ]
    lines = [*head, "0", "SECTION", "2", "ENTITIES", *chain.from_iterable(entities), "0", "ENDSEC", "0", "EOF", ""]
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "总平面.dxf"


@pytest.mark.parametrize("trusted", [False, True])
def test_closed_lines_and_hatches_are_polygons(path: Path, trusted: bool) -> None:
    drawing(path, polyline(SQUARE), polyline(SQUARE[:3], closed=0, layer="道路"), hatch(SQUARE), TEXT)
    source = only(path, trusted=trusted)
    assert [geometry.geom_type for geometry in source.geoms] == ["Polygon", "LineString", "Polygon"]
    assert shapely.area(source.geoms).tolist() == [60_000, 0, 60_000]
    assert source.frame["Layer"].tolist() == ["用地红线", "道路", "填充"]
    assert [(f.code, f.actual) for f in source.findings] == [("DXF_TEXT", "1")]
    assert source.crs is None
    assert source.crs_found.startswith("未找到")


def test_the_prj_beside_it(path: Path) -> None:
    drawing(path, polyline(SQUARE)).with_suffix(".prj").write_text(pyproj.CRS.from_epsg(4514).to_wkt("WKT1_ESRI"))
    source = only(path)
    assert source.crs is not None
    assert source.crs.to_epsg(20) == 4514
    assert source.crs_found == "同名 .prj 文件"


@pytest.mark.parametrize(
    ("page", "encoding", "said"),
    [
        ("ANSI_936", "gb18030", []),
        ("ANSI_1252", "gb18030", ["ENCODING_CONTRADICTS"]),
        ("ANSI_1252", "utf-8", []),
        ("ANSI_936", "utf-8", []),
    ],
)
def test_text_is_never_garbled(path: Path, page: str, encoding: str, said: list[str]) -> None:
    source = only(drawing(path, polyline(SQUARE), page=page, encoding=encoding))
    assert source.frame["Layer"].tolist() == ["用地红线"]
    assert noted(source) == said


def test_text_in_no_encoding(path: Path) -> None:
    data = drawing(path, polyline(SQUARE)).read_bytes()
    path.write_bytes(data.replace("用地红线".encode("gb18030"), b"\xff\xfe\xfd\x80\x81"))
    with pytest.raises(InputError, match="TEXT_UNREADABLE"):
        read(path)


@pytest.mark.parametrize("radius", [5.0, 100.0, 3_000.0])
@pytest.mark.parametrize("how", ["bulges", "circle"])
def test_arcs_keep_to_half_a_millimetre(path: Path, radius: float, how: str) -> None:
    """GDAL alone loses 0.08 % of the area of a circle (4° between its points)."""
    x, y = 26543000.0, 4405000.0
    bulged = polyline([(x - radius, y), (x + radius, y)], bulges=[1, 1])
    circle = ["0", "CIRCLE", "8", "圆", "10", str(x), "20", str(y), "40", str(radius)]
    source = only(drawing(path, bulged if how == "bulges" else circle))
    [disc] = source.geoms
    lost = math.pi * radius**2 - disc.area
    assert -1e-3 < lost < 2 * math.pi * radius * 0.0005
    assert [(f.code, f.expected) for f in source.findings] == [("CURVES_LINEARISED", "0.1")]


def test_a_line_within_a_line_is_not_taken_for_a_hole_in_silence(path: Path) -> None:
    inner = [(x0 + (x - x0) / 2 + 10, y0 + (y - y0) / 2 + 10) for x, y in SQUARE for x0, y0 in [SQUARE[0]]]
    source = only(drawing(path, polyline(SQUARE), polyline(inner), polyline(inner, layer="别的")))
    assert [(f.code, f.layer, f.feature) for f in source.findings] == [("DXF_NESTED", "用地红线", "row:2")]


def test_splines_are_said_to_be_approximate(path: Path) -> None:
    ellipse = [
        "0",
        "ELLIPSE",
        "8",
        "圆",
        "100",
        "AcDbEllipse",
        "10",
        "0",
        "20",
        "0",
        "11",
        "10",
        "21",
        "0",
        "40",
        "0.5",
        "41",
        "0",
        "42",
        "6.283185307179586",
    ]
    assert "DXF_SPLINE" in noted(only(drawing(path, polyline(SQUARE), ellipse)))


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize(
    "content", [b"0\nSECTION\n2\nENT", b"hello", b"0\r\nSECTION\r\n2\r\nENTITIES\r\n0\r\nLWPOLYLINE\r\n8\r\n"]
)
def test_damaged_drawings(path: Path, content: bytes, trusted: bool) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError):
        read(path, trusted=trusted)
