"""Applications: unique ids, projects, declared values, files that fail alone, and books that close for every format."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from controllines.errors import InputError, UsageError
from controllines.io import stem
from controllines.io.reading import ADAPTERS
from controllines.layers import Layer
from controllines.parcels import PROJECT_BY, read_parcels, unique_ids
from tests.builders import CORNER, noted, shifted

X, Y = 30_385_000, 4_738_000  # 3° zone 30, as 托克逊's files carry it
Writer = Callable[..., Path]


def box(x0: float, y0: float, x1: float, y1: float) -> shapely.Polygon:
    return shapely.box(X + x0, Y + y0, X + x1, Y + y1)


def frame(n: int, **columns: Sequence[object]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[box(20 * k, 0, 20 * k + 10, 10) for k in range(n)], crs="EPSG:4518")


@pytest.fixture
def txt(tmp_path: Path) -> Writer:
    """``txt(name, [(id, 公顷, plot name, polygon) …], project={…})`` -> path of a survey file in GBK."""

    def write(name: str, plots: Sequence[tuple[object, ...]], project: dict[str, str] | None = None) -> Path:
        lines = ["[项目信息]", *(f"{k}={v}" for k, v in project.items())] if project else []
        lines += ["[属性描述]", "坐标系=2000国家大地坐标系", "几度分带=3", "投影类型=高斯克吕格", "带号=30"]
        lines += ["精度=0.001", "[地块坐标]"]
        for identity, hectares, plot, polygon in plots:
            points = shapely.get_coordinates(polygon)
            lines.append(f"{len(points)},{hectares},{identity},{plot},面,,工业用地,0601,@")
            lines += [f"J{k % (len(points) - 1) + 1},1,{y:.3f},{x:.3f}" for k, (x, y) in enumerate(points)]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(("\r\n".join(lines) + "\r\n").encode("gbk"))
        return path

    return write


def ids(layer: Layer) -> list[str]:
    return list(layer.frame["parcel_id"])


# --- ids -----------------------------------------------------------------------------------------------------


def test_declared_ids_that_are_unique_stay_as_they_are(txt: Writer) -> None:
    layer = read_parcels(txt("a.txt", [("D1", 0.01, "甲", box(0, 0, 10, 10)), ("D2", 0.01, "乙", box(20, 0, 30, 10))]))
    assert ids(layer) == list(layer.frame["declared_id"]) == ["D1", "D2"]
    assert "PARCEL_ID_DUPLICATE" not in noted(layer)


def test_an_id_in_two_files_gets_the_stem_of_each(txt: Writer) -> None:
    paths = [
        txt("a.txt", [("D1", 0.01, "甲", box(0, 0, 10, 10))]),
        txt("b.txt", [("D1", 0.01, "乙", box(20, 0, 30, 10))]),
    ]
    layer = read_parcels(paths)
    assert ids(layer) == ["a:D1", "b:D1"]
    assert list(layer.frame["declared_id"]) == ["D1", "D1"]
    doubled = [item for item in layer.findings if item.code == "PARCEL_ID_DUPLICATE"]
    assert [(item.source, item.feature, item.actual) for item in doubled] == [
        (str(paths[0]), "D1", "a:D1"), (str(paths[1]), "D1", "b:D1"),
    ]  # fmt: skip


def test_an_id_thrice_in_one_file_is_numbered_in_reading_order(txt: Writer) -> None:
    plots = [("D1", 0.01, "甲", box(20 * k, 0, 20 * k + 10, 10)) for k in range(3)]
    assert ids(read_parcels(txt("a.txt", plots))) == ["a:D1", "a:D1#2", "a:D1#3"]


@pytest.mark.parametrize("missing", ["FID_0", "DKMC", "", "  "])
def test_exporters_placeholders_count_as_missing(txt: Writer, missing: str) -> None:
    plots = [(missing, 0.01, "DKMC", box(0, 0, 10, 10)), ("D2", 0.01, "乙", box(20, 0, 30, 10)),
             (missing, 0.01, "丙", box(40, 0, 50, 10))]  # fmt: skip
    layer = read_parcels(txt("申请.txt", plots))
    assert ids(layer) == ["申请:1", "D2", "申请:3"]
    assert layer.frame["declared_id"].isna().tolist() == [True, False, True]
    assert layer.frame["name"].isna().tolist() == [True, False, False]  # DKMC as a name is none either
    assert "PARCEL_ID_DUPLICATE" not in noted(layer)


def test_a_declared_id_that_looks_made_up_keeps_its_name(txt: Writer) -> None:
    """Reading order must not let a made-up id take the name that a later parcel declares."""
    paths = [txt("a.txt", [("D1", 0.01, "甲", box(0, 0, 10, 10)), ("D1", 0.01, "乙", box(20, 0, 30, 10)),
                           ("", 0.01, "丙", box(40, 0, 50, 10))]),
             txt("b.txt", [("a:D1", 0.01, "", box(60, 0, 70, 9)), ("a:3", 0.01, "", box(80, 0, 90, 9))])]  # fmt: skip
    found = ids(read_parcels(paths))
    assert found[3:] == ["a:D1", "a:3"]
    assert found[:3] == ["a:D1#2", "a:D1#3", "a:3#2"]


def test_two_files_of_one_name_in_two_folders(txt: Writer, tmp_path: Path) -> None:
    for folder in ("甲", "乙"):
        txt(f"{folder}/地块.txt", [("", 0.01, "", box(0, 0, 10, 10)), ("D1", 0.01, "", box(20, 0, 30, 10))])
    found = ids(read_parcels(tmp_path))
    assert found == ["地块:1", "地块:D1", "地块:1#2", "地块:D1#2"]


def test_ids_are_unique_whatever_is_declared() -> None:
    for declared in itertools.product(["A", "f:A", "f:A#2", "f:1", None], repeat=4):
        table = pd.DataFrame({"declared_id": declared, "stem": "f", "row": [1, 2, 3, 4]})
        found, doubled = unique_ids(table)
        assert len(set(found)) == 4, declared
        assert all(found[row] == value for row, value in enumerate(declared) if value and declared.count(value) == 1)
        assert doubled == [row for row, value in enumerate(declared) if value and declared.count(value) > 1]


def test_numeric_ids_are_text_without_decimals() -> None:
    layer = read_parcels(frame(3, DKBH=[1.0, 2.0, None]))
    assert ids(layer) == ["1", "2", "GeoDataFrame:3"]


def test_ids_keep_leading_zeros() -> None:
    assert ids(read_parcels(frame(2, DKBH=["007", "7"]))) == ["007", "7"]


@pytest.mark.parametrize(
    ("name", "expected"), [("a.txt", "a"), ("a.shp.zip", "a"), ("a.gdb", "a"), ("a.b.gpkg", "a.b"), ("a.gdb.zip", "a")]
)
def test_stem(name: str, expected: str) -> None:
    assert stem(Path(name)) == expected


# --- projects -------------------------------------------------------------------------------------------------


def projects(layer: Layer) -> list[str]:
    return list(layer.frame["project_id"])


def test_txt_project_is_the_file(txt: Writer) -> None:
    layer = read_parcels(
        txt("光伏一期.txt", [("D1", 0.01, "甲", box(0, 0, 10, 10)), ("D2", 0.01, "乙", box(20, 0, 30, 10))])
    )
    assert projects(layer) == ["光伏一期", "光伏一期"]
    assert "PROJECT_BY_ROW" not in noted(layer)


def test_txt_project_section_prevails_over_the_file(txt: Writer) -> None:
    layer = read_parcels(
        txt("a.txt", [("D1", 0.01, "甲", box(0, 0, 10, 10))], {"项目编号": "XM-7", "项目名称": "水厂"})
    )
    assert projects(layer) == ["XM-7"]
    assert list(layer.frame["project_name"]) == ["水厂"]


def test_project_field_prevails_and_other_rows_stand_alone_with_one_finding() -> None:
    layer = read_parcels(frame(4, DKBH=list("abcd"), XMBH=["P1", "P1", None, ""], XMMC=["路", "路", None, None]))
    assert projects(layer) == ["P1", "P1", "c", "d"]
    notes = [item for item in layer.findings if item.code == "PROJECT_BY_ROW"]
    assert [(item.severity, item.actual) for item in notes] == [("info", "2")]


def test_project_name_stands_in_for_a_code() -> None:
    layer = read_parcels(frame(2, DKBH=["a", "b"], 项目名称=["水厂", "水厂"]))
    assert projects(layer) == ["水厂", "水厂"]


def test_one_finding_per_file_for_rows_without_project(tmp_path: Path) -> None:
    for name in ("a", "b"):
        frame(3, DKBH=[f"{name}{k}" for k in range(3)]).to_file(tmp_path / f"{name}.gpkg", engine="pyogrio")
    layer = read_parcels(tmp_path)
    notes = [item for item in layer.findings if item.code == "PROJECT_BY_ROW"]
    assert [Path(str(item.source)).name for item in notes] == ["a.gpkg", "b.gpkg"]
    assert projects(layer) == ["a0", "a1", "a2", "b0", "b1", "b2"]


@pytest.mark.parametrize(
    ("by", "expected"),
    [(None, ["XM-7", "XM-7", "c"]), ("field", ["XM-7", "XM-7", "c"]), ("file", ["XM-7", "XM-7", "b"]),
     ("folder", ["申请", "申请", "申请"]), ("row", ["D1", "D2", "c"])],
)  # fmt: skip
def test_project_by(txt: Writer, tmp_path: Path, by: str | None, expected: list[str]) -> None:
    plots = [("D1", 0.01, "甲", box(0, 0, 10, 10)), ("D2", 0.01, "乙", box(20, 0, 30, 10))]
    txt("申请/a.txt", plots, {"项目编号": "XM-7"})
    frame(1, DKBH=["c"]).to_file(tmp_path / "申请/b.gpkg", engine="pyogrio")
    assert projects(read_parcels(tmp_path, project_by=by)) == expected


def test_unknown_project_by_lists_the_valid_ones() -> None:
    with pytest.raises(UsageError, match="PROJECT_BY") as raised:
        read_parcels(frame(1, DKBH=["a"]), project_by="county")
    for choice in PROJECT_BY:
        assert choice in raised.value.finding.fix


# --- declared values ------------------------------------------------------------------------------------------


def test_declared_area_of_txt_is_hectares(txt: Writer) -> None:
    layer = read_parcels(
        txt("a.txt", [("D1", "1.2247", "甲", box(0, 0, 10, 10)), ("D2", "", "乙", box(20, 0, 30, 10))])
    )
    assert layer.frame["declared_area_m2"].iloc[0] == 12247.0
    assert layer.frame["declared_area_m2"].isna().iloc[1]


def test_declared_area_of_a_field_is_square_metres() -> None:
    layer = read_parcels(frame(2, DKBH=["a", "b"], DKMJ=["100.5", "约一亩"]))
    assert layer.frame["declared_area_m2"].iloc[0] == 100.5
    assert layer.frame["declared_area_m2"].isna().iloc[1]


def test_use_and_name() -> None:
    layer = read_parcels(frame(1, DKBH=["a"], DKMC=["甲地"], YT=["工业"]))
    assert layer.frame[["name", "use"]].iloc[0].tolist() == ["甲地", "工业"]


# --- files ----------------------------------------------------------------------------------------------------


def test_a_broken_file_costs_that_file_only(txt: Writer, tmp_path: Path) -> None:
    txt("a.txt", [("D1", 0.01, "甲", box(0, 0, 10, 10))])
    (tmp_path / "b.txt").write_text(
        "[属性描述]\n带号=30\n[地块坐标]\n5,0.1,D9,乙,面,,,,@\nJ1,1,zwei\n", encoding="utf-8"
    )
    (tmp_path / "c.gpkg").write_bytes(b"SQLite format 3\0" + b"\0" * 50)
    layer = read_parcels(tmp_path)
    assert ids(layer) == ["D1", "b", "c"]
    assert list(layer.frame["status"]) == ["ok", "excluded", "excluded"]
    assert [(Path(o.path).name, o.features_in, o.used, o.excluded) for o in layer.origins] == [
        ("a.txt", 1, 1, 0), ("b.txt", 1, 0, 1), ("c.gpkg", 1, 0, 1),
    ]  # fmt: skip
    errors = [(item.code, Path(str(item.source)).name) for item in layer.findings if item.severity == "error"]
    assert [name for _, name in errors] == ["b.txt", "c.gpkg"]
    assert errors[0][0] == "TXT_SYNTAX"


def test_a_broken_feature_costs_that_feature_only() -> None:
    shapes = gpd.GeoDataFrame(
        {"DKBH": list("abc")}, geometry=[box(0, 0, 10, 10), None, box(20, 0, 30, 10)], crs="EPSG:4518"
    )
    layer = read_parcels(shapes)
    assert list(layer.frame["status"] == "excluded") == [False, True, False]
    assert [(item.code, item.feature) for item in layer.findings if item.severity == "error"] == [
        ("GEOMETRY_MISSING", "b")
    ]


def test_nothing_found(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="NO_INPUT"):
        read_parcels(tmp_path)
    with pytest.raises(InputError, match="FILE_NOT_FOUND"):
        read_parcels(tmp_path / "没有.txt")


def test_two_zones_share_a_frame_in_lon_lat(txt: Writer, tmp_path: Path) -> None:
    """The same land 0.5° west of the border of zones 29 and 30, and the neighbour's file in zone 29."""
    txt("a.txt", [("D1", 0.01, "甲", box(0, 0, 10, 10))])
    west = txt("b.txt", [("D2", 0.01, "乙", shapely.box(29_620_000, Y, 29_620_010, Y + 10))])
    west.write_bytes(west.read_bytes().replace("带号=30".encode("gbk"), "带号=29".encode("gbk")))
    layer = read_parcels(tmp_path)
    assert layer.frame.crs.to_epsg() == 4490
    assert list(layer.frame["source_crs"]) == ["EPSG:4518", "EPSG:4517"]
    lon = shapely.bounds(layer.frame.geometry.values)[:, 0]
    assert lon[0] == pytest.approx(90 - 115_000 / 82_100, abs=0.02)  # 1° is about 82.1 km at 42.8°
    assert lon[1] == pytest.approx(87 + 120_000 / 82_100, abs=0.02)
    # shapes stay in the coordinates of their sources
    assert shapely.bounds(layer.shapes[1])[0] == 29_620_000


def test_one_crs_keeps_the_frame_in_it(txt: Writer) -> None:
    layer = read_parcels(txt("a.txt", [("D1", 0.01, "甲", box(0, 0, 10, 10))]))
    assert layer.frame.crs.to_epsg() == 4518


def test_crs_argument_fills_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "a.shp"
    frame(1, DKBH=["a"]).to_file(path, engine="pyogrio")
    path.with_suffix(".prj").unlink()
    refused = read_parcels(path)
    assert noted(refused) == ["CRS_MISSING"]
    assert "EPSG:4518" in refused.findings[0].message
    layer = read_parcels(path, crs="EPSG:4518")
    assert ids(layer) == ["a"]
    assert layer.origins[0].crs_found == "声明"


def test_ids_that_differ_only_in_what_no_document_prints_are_told_apart() -> None:
    read = read_parcels(frame(3, DKBH=["a", "a\x07", "b\r\nc"]))
    assert len(set(read.frame["parcel_id"])) == 3
    assert [name.split(":")[-1] for name in read.frame["parcel_id"]] == ["a", "a#2", "b c"]
    assert [item.code for item in read.findings].count("PARCEL_ID_CLEANED") == 2


# --- books: features in = used + excluded, per file and layer, whatever reads the file ---------------------------

Ring = list[tuple[float, float]]
SQUARE = [(0, 0), (40, 0), (40, 40), (0, 40), (0, 0)]
BOWTIE = [(100, 0), (140, 40), (140, 0), (100, 40), (100, 0)]
FLAT = [(200, 0), (240, 0), (200, 0)]  # goes there and back: no land
RINGS = [SQUARE, BOWTIE, FLAT]


def metres(ring: Ring) -> Ring:
    return [(CORNER[0] + x, CORNER[1] + y) for x, y in ring]


def corner_table() -> pd.DataFrame:
    rows = [
        {"地块编号": f"P{n}", "圈号": 1, "点号": f"J{k}", "X坐标": f"{y:.3f}", "Y坐标": f"{x:.3f}"}
        for n, ring in enumerate(RINGS, 1)
        for k, (x, y) in enumerate(metres(ring), 1)
    ]
    return pd.DataFrame(rows)


def survey_text() -> str:
    lines = ["[属性描述]", "坐标系=2000国家大地坐标系", "几度分带=3", "带号=30", "[地块坐标]"]
    for n, ring in enumerate(RINGS, 1):
        lines.append(f"{len(ring)},,P{n},地块{n},面,,,,@")
        lines += [f"J{k},1,{y:.3f},{x:.3f}" for k, (x, y) in enumerate(metres(ring), 1)]
    return "\n".join(lines) + "\n"


def drawn(crs: str = "EPSG:4518") -> gpd.GeoDataFrame:
    geoms = [shifted(shapely.Polygon(ring if len(ring) > 3 else [*ring, ring[0]])) for ring in RINGS]
    return gpd.GeoDataFrame({"DKBH": ["P1", "P2", "P3"]}, geometry=geoms, crs=4518).to_crs(crs)


def dxf_text() -> str:
    rows = []
    for ring in RINGS:
        corners = metres(ring)[:-1]
        rows += ["0", "LWPOLYLINE", "8", "YD", "90", str(len(corners)), "70", "1"]
        for x, y in corners:
            rows += ["10", f"{x:.3f}", "20", f"{y:.3f}"]
    return "\n".join(["0", "SECTION", "2", "ENTITIES", *rows, "0", "ENDSEC", "0", "EOF", ""])


def kml_text() -> str:
    marks = []
    for name, geom in zip(("P1", "P2", "P3"), drawn("EPSG:4326").geometry, strict=True):
        corners = " ".join(f"{x:.9f},{y:.9f}" for x, y in geom.exterior.coords)
        ring = f"<LinearRing><coordinates>{corners}</coordinates></LinearRing>"
        land = f"<Polygon><outerBoundaryIs>{ring}</outerBoundaryIs></Polygon>"
        marks.append(f"<Placemark><name>{name}</name>{land}</Placemark>")
    head = '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    return f"{head}{''.join(marks)}</Document></kml>"


def to_file(path: Path) -> None:
    drawn("EPSG:4326" if path.suffix == ".geojson" else "EPSG:4518").to_file(path, engine="pyogrio")


WRITERS = {
    "TXT": ("a.txt", lambda path: path.write_text(survey_text(), encoding="utf-8")),
    "CSV": ("a.csv", lambda path: corner_table().to_csv(path, index=False)),
    "XLSX": ("a.xlsx", lambda path: corner_table().to_excel(path, index=False, engine="xlsxwriter")),
    "DXF": ("a.dxf", lambda path: path.write_text(dxf_text(), encoding="ascii")),
    "LIBKML": ("a.kml", lambda path: path.write_text(kml_text(), encoding="utf-8")),
    "Parquet": ("a.parquet", lambda path: drawn().to_parquet(path)),
    "ESRI Shapefile": ("a.shp", to_file),
    "OpenFileGDB": ("a.gdb", lambda path: drawn().to_file(path, driver="OpenFileGDB", engine="pyogrio")),
    "GPKG": ("a.gpkg", to_file),
    "GeoJSON": ("a.geojson", to_file),
}


def write(driver: str, folder: Path) -> Path:
    """Write the three features in the format of an adapter; a new adapter fails here until it is counted."""
    name, writer = WRITERS[driver]
    writer(folder / name)
    return folder / name


@pytest.mark.parametrize("driver", ADAPTERS)
def test_every_adapter_accounts_for_every_feature(driver: str, tmp_path: Path) -> None:
    path = write(driver, tmp_path)
    read = read_parcels(path, crs="EPSG:4518" if driver in ("DXF", "CSV", "XLSX") else None)
    assert [(o.features_in, o.used, o.excluded) for o in read.origins] == [(3, 2, 1)]
    assert read.origins[0].driver == driver
    assert read.frame["status"].tolist()[0] == "ok"
    assert read.frame["status"].tolist()[2] == "excluded"
    assert shapely.is_missing(read.shapes).tolist() == [False, False, True]
    named = {item.feature for item in read.findings if item.severity == "error"}
    assert len(named) == 1, "what is excluded is named once"


def test_a_postgis_table_accounts_for_every_row(postgis: Any) -> None:
    postgis.execute("CREATE SCHEMA counted")
    try:
        postgis.execute("CREATE TABLE counted.dk (dkbh text, geom geometry(Polygon, 4518))")
        for name, ring in (("P1", SQUARE), ("P2", BOWTIE), ("P3", None)):
            drawn = None if ring is None else f"SRID=4518;{shifted(shapely.Polygon(ring)).wkt}"
            postgis.execute("INSERT INTO counted.dk VALUES (%s, %s)", (name, drawn))
        read = read_parcels(f"postgresql://postgres@/postgres?host={postgis.info.host}&schema=counted&table=dk")
    finally:
        postgis.execute("DROP SCHEMA counted CASCADE")
    assert [(o.driver, o.features_in, o.used, o.excluded) for o in read.origins] == [("PostGIS", 3, 2, 1)]
    assert read.frame["status"].tolist() == ["ok", "repaired", "excluded"]
    assert [(item.code, item.feature) for item in read.findings if item.severity == "error"] == [
        ("GEOMETRY_MISSING", "P3")
    ]


def test_a_file_that_cannot_be_read_is_one_excluded_row(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(b"")
    write("TXT", tmp_path)
    origins = read_parcels(tmp_path).origins
    assert [(o.features_in, o.used, o.excluded) for o in origins] == [(3, 2, 1), (1, 0, 1)]
