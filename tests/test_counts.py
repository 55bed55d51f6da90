"""Counts always close: features in = used + excluded, per file and layer, whatever reads the file."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import Polygon

from controllines import cli
from controllines.io.reading import ADAPTERS
from controllines.parcels import read_parcels
from controllines.pipeline import check
from controllines.results import counts
from tests.builders import CORNER, RED, here, layer, make_plan, shifted

SQUARE = [(0, 0), (40, 0), (40, 40), (0, 40), (0, 0)]
BOWTIE = [(100, 0), (140, 40), (140, 0), (100, 40), (100, 0)]
FLAT = [(200, 0), (240, 0), (200, 0)]  # goes there and back: no land
RINGS = [SQUARE, BOWTIE, FLAT]


def metres(ring):
    return [(CORNER[0] + x, CORNER[1] + y) for x, y in ring]


def corner_table():
    rows = [
        {"地块编号": f"P{n}", "圈号": 1, "点号": f"J{k}", "X坐标": f"{y:.3f}", "Y坐标": f"{x:.3f}"}
        for n, ring in enumerate(RINGS, 1)
        for k, (x, y) in enumerate(metres(ring), 1)
    ]
    return pd.DataFrame(rows)


def survey_text():
    lines = ["[属性描述]", "坐标系=2000国家大地坐标系", "几度分带=3", "带号=30", "[地块坐标]"]
    for n, ring in enumerate(RINGS, 1):
        lines.append(f"{len(ring)},,P{n},地块{n},面,,,,@")
        lines += [f"J{k},1,{y:.3f},{x:.3f}" for k, (x, y) in enumerate(metres(ring), 1)]
    return "\n".join(lines) + "\n"


def frame(crs="EPSG:4518"):
    geoms = [shifted(Polygon(ring if len(ring) > 3 else [*ring, ring[0]])) for ring in RINGS]
    return gpd.GeoDataFrame({"DKBH": ["P1", "P2", "P3"]}, geometry=geoms, crs=4518).to_crs(crs)


def dxf_text():
    rows = []
    for ring in RINGS:
        corners = metres(ring)[:-1]
        rows += ["0", "LWPOLYLINE", "8", "YD", "90", str(len(corners)), "70", "1"]
        for x, y in corners:
            rows += ["10", f"{x:.3f}", "20", f"{y:.3f}"]
    return "\n".join(["0", "SECTION", "2", "ENTITIES", *rows, "0", "ENDSEC", "0", "EOF", ""])


def kml_text():
    marks = []
    for name, geom in zip(("P1", "P2", "P3"), frame("EPSG:4326").geometry, strict=True):
        corners = " ".join(f"{x:.9f},{y:.9f}" for x, y in geom.exterior.coords)
        ring = f"<LinearRing><coordinates>{corners}</coordinates></LinearRing>"
        land = f"<Polygon><outerBoundaryIs>{ring}</outerBoundaryIs></Polygon>"
        marks.append(f"<Placemark><name>{name}</name>{land}</Placemark>")
    head = '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    return f"{head}{''.join(marks)}</Document></kml>"


def to_file(path):
    frame("EPSG:4326" if path.suffix == ".geojson" else "EPSG:4518").to_file(path, engine="pyogrio")


WRITERS = {
    "TXT": ("a.txt", lambda path: path.write_text(survey_text(), encoding="utf-8")),
    "CSV": ("a.csv", lambda path: corner_table().to_csv(path, index=False)),
    "XLSX": ("a.xlsx", lambda path: corner_table().to_excel(path, index=False, engine="xlsxwriter")),
    "DXF": ("a.dxf", lambda path: path.write_text(dxf_text(), encoding="ascii")),
    "LIBKML": ("a.kml", lambda path: path.write_text(kml_text(), encoding="utf-8")),
    "Parquet": ("a.parquet", lambda path: frame().to_parquet(path)),
    "ESRI Shapefile": ("a.shp", to_file),
    "OpenFileGDB": ("a.gdb", lambda path: frame().to_file(path, driver="OpenFileGDB", engine="pyogrio")),
    "GPKG": ("a.gpkg", to_file),
    "GeoJSON": ("a.geojson", to_file),
}


def write(driver, folder):
    """Write the three features in the format of an adapter; a new adapter fails here until it is counted."""
    name, writer = WRITERS[driver]
    writer(folder / name)
    return folder / name


@pytest.mark.parametrize("driver", ADAPTERS)
def test_every_adapter_accounts_for_every_feature(driver, tmp_path):
    path = write(driver, tmp_path)
    read = read_parcels(path, crs="EPSG:4518" if driver in ("DXF", "CSV", "XLSX") else None)
    assert [(o.features_in, o.used, o.excluded) for o in read.origins] == [(3, 2, 1)]
    assert read.origins[0].driver == driver
    assert read.frame["status"].tolist()[0] == "ok"
    assert read.frame["status"].tolist()[2] == "excluded"
    assert shapely.is_missing(read.shapes).tolist() == [False, False, True]
    named = {item.feature for item in read.findings if item.severity == "error"}
    assert len(named) == 1, "what is excluded is named once"


def test_a_postgis_table_accounts_for_every_row(postgis):
    postgis.execute("CREATE SCHEMA counted")
    try:
        postgis.execute("CREATE TABLE counted.dk (dkbh text, geom geometry(Polygon, 4518))")
        for name, ring in (("P1", SQUARE), ("P2", BOWTIE), ("P3", None)):
            drawn = None if ring is None else f"SRID=4518;{shifted(Polygon(ring)).wkt}"
            postgis.execute("INSERT INTO counted.dk VALUES (%s, %s)", (name, drawn))
        read = read_parcels(f"postgresql://postgres@/postgres?host={postgis.info.host}&schema=counted&table=dk")
    finally:
        postgis.execute("DROP SCHEMA counted CASCADE")
    assert [(o.driver, o.features_in, o.used, o.excluded) for o in read.origins] == [("PostGIS", 3, 2, 1)]
    assert read.frame["status"].tolist() == ["ok", "repaired", "excluded"]
    assert [(item.code, item.feature) for item in read.findings if item.severity == "error"] == [
        ("GEOMETRY_MISSING", "P3")
    ]


def test_a_file_that_cannot_be_read_is_one_excluded_row(tmp_path):
    (tmp_path / "b.txt").write_bytes(b"")
    write("TXT", tmp_path)
    origins = read_parcels(tmp_path).origins
    assert [(o.features_in, o.used, o.excluded) for o in origins] == [(3, 2, 1), (1, 0, 1)]


def test_counts_of_a_result_hold_applications_and_plan():
    plan = make_plan(**{RED: layer([here(0, 0, 10, 10), None], BSM=["r1", "r2"])})
    result = check(layer([here(0, 0, 5, 5), None, here(20, 0, 30, 9)], DKBH=["a", "b", "c"]), plan, as_of="2026-11-21")
    table = counts(result)
    assert table[["features_in", "used", "excluded"]].to_numpy().tolist() == [[3, 2, 1], [2, 1, 1], [1, 1, 0]]
    assert (table["features_in"] == table["used"] + table["excluded"]).all()


def test_counts_are_on_the_screen(capsys):
    table = pd.DataFrame(
        {"source": ["x/甲.gdb", "x/乙.txt"], "layer": ["DK", None], "features_in": [5, 7], "used": [5, 4],
         "excluded": [0, 3]}
    )  # fmt: skip
    cli._show_counts(table)
    assert capsys.readouterr().err.splitlines() == [
        "2 个图层的要素 12 = 使用 9 + 排除 3", "  7 = 4 + 3  乙.txt", "  5 = 5 + 0  甲.gdb:DK",
    ]  # fmt: skip


def test_many_layers_are_cut_short_but_summed(capsys):
    n = cli.SHOWN + 5
    table = pd.DataFrame({"source": [f"{i}.txt" for i in range(n)], "layer": None, "features_in": 1, "used": 1,
                          "excluded": np.zeros(n, int)})  # fmt: skip
    cli._show_counts(table)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == cli.SHOWN + 2
    assert said[0] == f"{n} 个图层的要素 {n} = 使用 {n} + 排除 0"
    assert "另有 5 个图层" in said[-1]
