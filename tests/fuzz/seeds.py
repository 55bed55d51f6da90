"""Small valid files of eight formats, the same bytes every time: what the fuzzer starts from."""

from __future__ import annotations

import io
import tempfile
import zipfile
from datetime import datetime
from pathlib import Path

import geopandas as gpd
import pyogrio
import shapely
import xlsxwriter

EAST, NORTH = 38500000, 3000000
#: A square of 1 ha with a hole of 400 m², and one of two parts.
SHAPES = [
    shapely.Polygon(
        [(0, 0), (100, 0), (100, 100), (0, 100)],
        [[(40, 40), (40, 60), (60, 60), (60, 40)]],
    ),
    shapely.MultiPolygon([shapely.box(200, 0, 260, 50), shapely.box(300, 0, 350, 50)]),
]
FIELDS = {
    "DKBH": ["甲-1", "乙-2"],
    "DKMC": ["一号地", "二号地"],
    "XMMC": ["测试项目", "测试项目"],
    "DKMJ": [9600.0, 5500.0],
}
SUFFIX = {
    "txt": ".txt", "shp": ".zip", "gpkg": ".gpkg", "geojson": ".geojson", "kml": ".kml", "csv": ".csv", "xlsx": ".xlsx",
    "parquet": ".parquet",
}  # fmt: skip


def make() -> dict[str, bytes]:
    """Return the seed of each format."""
    placed = [shapely.transform(shape, lambda xy: xy + (EAST, NORTH)) for shape in SHAPES]
    layer = gpd.GeoDataFrame(FIELDS, geometry=placed, crs="EPSG:4526")
    lonlat = layer.to_crs("EPSG:4490")
    rows = _points(layer)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return {
            "txt": _survey(layer).encode("gb18030"),
            "shp": _shapefile(layer, folder),
            "gpkg": _geopackage(layer, folder),
            "geojson": lonlat.to_json(ensure_ascii=False).encode(),
            "kml": _kml(lonlat).encode(),
            "csv": "\n".join(",".join(map(str, row)) for row in rows).encode("utf-8-sig"),
            "xlsx": _workbook(rows),
            "parquet": _parquet(layer),
        }


def _rings(shape: shapely.Geometry) -> list[list[tuple[float, float]]]:
    parts = getattr(shape, "geoms", [shape])
    return [list(ring.coords) for part in parts for ring in (part.exterior, *part.interiors)]


def _survey(layer: gpd.GeoDataFrame) -> str:
    lines = [
        "[项目信息]", "项目名称=测试项目", "[属性描述]", "格式版本号=1.01版本", "坐标系=2000国家大地坐标系",
        "几度分带=3", "投影类型=高斯克吕格", "计量单位=米", "带号=38", "精度=0.001", "转换参数=,,,,,,", "[地块坐标]",
    ]  # fmt: skip
    for record in layer.itertuples():
        rings = _rings(record.geometry)
        count = sum(map(len, rings))
        lines.append(f"{count},{record.DKMJ / 1e4:.4f},{record.DKBH},{record.DKMC},面,G49,工业用地,0601,@")
        lines += [
            f"J{n},{ring},{y:.3f},{x:.3f}"
            for ring, points in enumerate(rings, start=1)
            for n, (x, y) in enumerate(points)
        ]
    return "\r\n".join(lines) + "\r\n"


def _points(layer: gpd.GeoDataFrame) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [("地块编号", "地块名称", "圈号", "点号", "X坐标", "Y坐标")]
    for record in layer.itertuples():
        for ring, points in enumerate(_rings(record.geometry), start=1):
            rows += [(record.DKBH, record.DKMC, ring, n, y, x) for n, (x, y) in enumerate(points)]
    return rows


def _shapefile(layer: gpd.GeoDataFrame, folder: Path) -> bytes:
    pyogrio.write_dataframe(layer, folder / "dk.shp", encoding="GBK")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
            data = bytearray((folder / f"dk{suffix}").read_bytes())
            if suffix == ".dbf":
                data[1:4] = b"\x7e\x01\x01"  # the day of writing
            archive.writestr(zipfile.ZipInfo(f"dk{suffix}"), bytes(data))
    return packed.getvalue()


def _geopackage(layer: gpd.GeoDataFrame, folder: Path) -> bytes:
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2026-01-01T00:00:00Z"})
    try:
        pyogrio.write_dataframe(layer, folder / "dk.gpkg", layer="DK")
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    return (folder / "dk.gpkg").read_bytes()


def _kml(layer: gpd.GeoDataFrame) -> str:
    placemarks = []
    for record in layer.itertuples():
        polygons = []
        for part in getattr(record.geometry, "geoms", [record.geometry]):
            rings = [("outer", part.exterior), *(("inner", ring) for ring in part.interiors)]
            text = "".join(
                f"<{side}BoundaryIs><LinearRing><coordinates>"
                + " ".join(f"{x:.9f},{y:.9f},0" for x, y in ring.coords)
                + f"</coordinates></LinearRing></{side}BoundaryIs>"
                for side, ring in rings
            )
            polygons.append(f"<Polygon>{text}</Polygon>")
        shape = polygons[0] if len(polygons) == 1 else f"<MultiGeometry>{''.join(polygons)}</MultiGeometry>"
        data = f'<ExtendedData><Data name="DKBH"><value>{record.DKBH}</value></Data></ExtendedData>'
        placemarks.append(f"<Placemark><name>{record.DKMC}</name>{data}{shape}</Placemark>")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>\n'
        + "\n".join(placemarks)
        + "\n</Document></kml>\n"
    )


def _workbook(rows: list[tuple[object, ...]]) -> bytes:
    packed = io.BytesIO()
    book = xlsxwriter.Workbook(packed, {"in_memory": True})
    book.set_properties({"created": datetime(2026, 1, 1)})
    sheet = book.add_worksheet("界址点")
    for n, row in enumerate(rows):
        sheet.write_row(n, 0, row)
    book.close()
    return packed.getvalue()


def _parquet(layer: gpd.GeoDataFrame) -> bytes:
    packed = io.BytesIO()
    layer.to_parquet(packed)
    return packed.getvalue()
