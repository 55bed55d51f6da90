"""Tables of corner points: csv and xlsx in the shapes that offices hand in."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import geopandas as gpd
import openpyxl
import pyproj
import pytest
import shapely

from controllines.errors import CRSError, InputError
from controllines.io import Limits, read
from controllines.parcels import read_parcels
from tests.builders import noted, only

#: 300 m × 200 m in 3° zone 26: eastings with the zone's number before them.
SQUARE = [(4405200, 26543000), (4405200, 26543300), (4405000, 26543300), (4405000, 26543000)]
HOLE = [(4405150, 26543100), (4405150, 26543200), (4405050, 26543200), (4405050, 26543100)]
HEADER = ["地块编号", "圈号", "点号", "X坐标", "Y坐标"]
CGCS = ["坐标系：2000国家大地坐标系"]

Rows = Sequence[Sequence[object]]


def ring(points: Sequence[tuple[float, float]], *before: object) -> list[list[object]]:
    return [[*before, f"J{k}", x, y] for k, (x, y) in enumerate([*points, points[0]], start=1)]


@pytest.fixture(params=["csv", "xlsx"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: Sequence[object]) -> Path:
        return save(tmp_path / f"界址点.{request.param}", rows)

    return write


def save(path: Path, rows: Rows, encoding: str = "utf-8-sig") -> Path:
    if path.suffix == ".csv":
        lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
        path.write_bytes("\r\n".join(lines).encode(encoding))
        return path
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    book.save(path)
    return path


def refused(path: Path, code: str, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        read(path, **options)  # type: ignore[arg-type]
    assert caught.value.finding.code == code
    assert caught.value.finding.source == str(path)
    return caught.value.finding.message


Table = Callable[..., Path]


def test_parcels_rings_and_axes(table: Table) -> None:
    other = [(x + 1000, y) for x, y in SQUARE]
    path = table(CGCS, HEADER, *ring(SQUARE, "甲-1", 1), *ring(HOLE, "甲-1", 2), *ring(other, "乙", 1))
    source = only(path)
    assert list(source.frame["地块编号"]) == ["甲-1", "乙"]
    assert list(shapely.area(source.geoms)) == [60_000 - 10_000, 60_000]
    assert source.geoms[0].bounds == (26543000, 4405000, 26543300, 4405200)
    assert source.crs is not None
    assert source.crs.to_epsg(20) == 4514
    assert "26" in source.crs_found
    assert source.driver == path.suffix[1:].upper()
    assert noted(source) == []


@pytest.mark.parametrize(
    ("north", "east"),
    [
        ("X", "Y"), ("纵坐标", "横坐标"), ("北坐标(m)", "东坐标(m)"), ("Ｘ（米）", "Ｙ（米）"),
        ("纵坐标（X）", "横坐标（Y）"), ("北", "东"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("id_heading", ["地块编号", "宗地号", "DKBH", " 地块 编号 "])
def test_headings(table: Table, north: str, east: str, id_heading: str) -> None:
    source = only(table(CGCS, [id_heading, "界址点号", north, east], *ring(SQUARE, "1")))
    assert source.frame["地块编号"].tolist() == ["1"]
    assert shapely.area(source.geoms).tolist() == [60_000]


def test_swapped_columns_are_said(table: Table) -> None:
    rows = [[*row[:3], row[4], row[3]] for row in ring(SQUARE, "1", 1)]
    source = only(table(CGCS, HEADER, *rows))
    assert source.geoms[0].bounds == (26543000, 4405000, 26543300, 4405200)
    assert noted(source) == ["TXT_SWAPPED"]


def test_holes_and_parts_by_containment_not_by_number(table: Table) -> None:
    apart = [(x + 1000, y) for x, y in HOLE]
    source = only(table(CGCS, HEADER, *ring(HOLE, "1", 1), *ring(SQUARE, "1", 2), *ring(apart, "1", 3)))
    assert source.geoms[0].geom_type == "MultiPolygon"
    assert source.geoms[0].area == 60_000 - 10_000 + 10_000


def test_blank_rows_separate_rings_and_merged_cells_carry_on(table: Table) -> None:
    rows = ring(SQUARE, "1") + [[None] * 4] + ring(HOLE, None)
    source = only(table(CGCS, ["地块编号", "点号", "X", "Y"], *rows))
    assert source.frame["地块编号"].tolist() == ["1"]
    assert source.geoms[0].area == 50_000


def test_a_table_without_parcels_is_one_parcel_and_open_rings_are_closed(table: Table) -> None:
    source = only(table(CGCS, ["X", "Y"], *SQUARE))
    assert shapely.area(source.geoms).tolist() == [60_000]
    assert noted(source) == ["TXT_RING_CLOSED"]


def test_rows_sorted_by_another_column_are_put_in_order(table: Table) -> None:
    """Without the order the outline would be a bowtie."""
    header = ["序号", "地块编号", "点号", "X", "Y"]
    rows = [[k, *row] for k, row in enumerate(ring(SQUARE, "1"), start=1)]
    source = only(table(CGCS, header, rows[2], rows[0], rows[3], rows[1], rows[4]))
    assert source.geoms[0].area == 60_000
    assert noted(source) == ["POINTS_SORTED"]


def test_names_of_points_are_no_order(table: Table) -> None:
    """Neighbours share corner points, and with them their names."""
    names = ["J7", "J2", "J9", "J4", "J7"]
    rows = [["1", 1, name, x, y] for name, (x, y) in zip(names, [*SQUARE, SQUARE[0]], strict=True)]
    source = only(table(CGCS, HEADER, *rows))
    assert source.geoms[0].area == 60_000
    assert noted(source) == []


def test_a_title_two_header_rows_and_other_columns(table: Table) -> None:
    path = table(
        ["界址点成果表"],
        ["坐标系", "2000国家大地坐标系", None, None, None],
        ["项目名称=某某工程"],
        ["地块名称", "点号", "坐标", None, "用途", "边长"],
        [None, None, "X", "Y", None, None],
        *([*row[:1], *row[1:], "工业用地", k] for k, row in enumerate(ring(SQUARE, "地块一"))),
        [None, None, "X", "Y", None, None],
    )
    source = only(path)
    assert source.frame.to_dict("records") == [{"地块名称": "地块一", "用途": "工业用地", "项目名称": "某某工程"}]
    assert source.project == {"项目名称": "某某工程"}
    assert source.geoms[0].area == 60_000


def test_longitude_and_latitude(table: Table) -> None:
    """0.01° × 0.01° with a hole: not one bit of the numbers is lost on the way."""
    outer = [(80.0, 40.0), (80.01, 40.0), (80.01, 40.01), (80.0, 40.01)]
    inner = [(80.0025, 40.0025), (80.005, 40.0025), (80.005, 40.005), (80.0025, 40.005)]
    rows = [
        [n, "1", k, lon, lat] for k, part in enumerate((outer, inner)) for n, (lon, lat) in enumerate([*part, part[0]])
    ]
    source = only(table(["CGCS2000"], ["序号", "地块编号", "圈号", "经度", "纬度"], *rows))
    assert shapely.equals_exact(source.geoms[0], shapely.Polygon(outer, [inner]))
    assert source.crs == pyproj.CRS.from_epsg(4490)
    swapped = [[*row[:3], row[4], row[3]] for row in rows]
    source = only(table(["CGCS2000"], ["序号", "地块编号", "圈号", "经度", "纬度"], *swapped))
    assert shapely.equals_exact(source.geoms[0], shapely.Polygon(outer, [inner]))
    assert noted(source) == ["TXT_SWAPPED"]
    metres = [[*row[:3], 26543000, 4405200] for row in rows]
    assert refused(table(HEADER[:3] + ["经度", "纬度"], *metres), "CRS_METRES_AS_DEGREES")


def test_degrees_minutes_seconds(table: Table) -> None:
    corners = [
        ("80°00′00″", "40°0'0\""),
        ("80°00′36″", "40°00′00″"),
        ("80度0分36秒", "40°00′36″"),
        ("80°00′00″", "40°00′36.0″"),
    ]
    source = only(table(["WGS84"], ["点号", "经度", "纬度"], *(["1", *c] for c in corners)))
    assert source.geoms[0].area == pytest.approx(1e-4)
    assert source.geoms[0].bounds == pytest.approx((80, 40, 80.01, 40.01), abs=1e-12)
    assert "CRS_WGS84" in noted(source)


def test_datum_is_stated_or_missing_never_guessed(table: Table) -> None:
    rows = [HEADER, *ring(SQUARE, "1", 1)]
    source = only(table(*rows))
    assert source.crs is None
    assert source.crs_found.startswith("未找到")
    with pytest.raises(CRSError, match="CRS_NEEDS_PARAMETERS"):
        read(table(["坐标系", "1980西安坐标系"], *rows))
    with pytest.raises(CRSError, match="CRS_PREFIX_CONTRADICTS"):
        read(table(CGCS, ["带号", "27"], *rows))
    path = table(*rows)
    path.with_suffix(".prj").write_text(pyproj.CRS.from_epsg(4514).to_wkt("WKT1_ESRI"))
    source = only(path)
    assert source.crs is not None
    assert source.crs.to_epsg(20) == 4514
    assert source.crs_found == "同名 .prj 文件"


def test_zone_from_the_head_for_eastings_without_it(table: Table) -> None:
    rows = ring([(x, y - 26_000_000) for x, y in SQUARE], "1", 1)
    source = only(table(CGCS, ["带号：26"], HEADER, *rows))
    assert source.crs is not None
    assert source.crs.to_epsg(20) == 4535
    assert source.geoms[0].bounds[0] == 543000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators_of_csv(tmp_path: Path, encoding: str, separator: str) -> None:
    path = save(tmp_path / "点.csv", [CGCS, HEADER, *ring(SQUARE, "巴楚１号", 1)], encoding)
    path.write_bytes(path.read_bytes().decode(encoding).replace(",", separator).encode(encoding))
    source = only(path)
    assert source.frame["地块编号"].tolist() == ["巴楚1号"]
    assert noted(source) == (["ENCODING_GUESSED"] if encoding == "gb18030" else [])


def test_full_width_digits_in_cells(tmp_path: Path) -> None:
    wide = str.maketrans("0123456789.-", "０１２３４５６７８９．－")
    rows = [[str(cell).translate(wide) for cell in row] for row in ring(SQUARE, "甲-1", 1)]
    source = only(save(tmp_path / "点.csv", [CGCS, HEADER, *rows]))
    assert source.geoms[0].area == 60_000
    assert source.frame["地块编号"].tolist() == ["甲-1"]


def test_no_header_row_is_refused(table: Table) -> None:
    assert "J1" in refused(table(*ring(SQUARE, "1", 1)), "POINTS_NO_HEADER")
    refused(table(["地块编号", "X", "高程"], ["1", 1, 2]), "POINTS_NO_HEADER")


@pytest.mark.parametrize("cell", ["见附图", None, "4405200米", "1e999", "2026-11-21", "4,405,200", "1/2"])
def test_a_cell_that_is_no_number_is_named_with_its_line(tmp_path: Path, cell: object) -> None:
    rows = ring(SQUARE, "1", 1)
    rows[2][3] = cell
    message = refused(save(tmp_path / "点.xlsx", [CGCS, HEADER, *rows]), "POINTS_CELL")
    assert "第 5 行“X坐标”" in message


def test_formulas_are_refused_with_their_line(table: Table) -> None:
    rows = ring(SQUARE, "1", 1)
    rows[1][4] = "=E3+300"
    assert "第 4 行“Y坐标”是公式：=E3+300" in refused(table(CGCS, HEADER, *rows), "POINTS_FORMULA")


def test_two_columns_for_one_thing(table: Table) -> None:
    assert "第 1 行" in refused(table(["点号", "X", "Y", "X坐标"], ["1", 1, 2, 3]), "POINTS_COLUMNS")


def test_no_points_at_all(table: Table) -> None:
    refused(table(HEADER), "FILE_EMPTY")


def test_sheets_are_layers_and_others_are_named(tmp_path: Path) -> None:
    path = tmp_path / "点.xlsx"
    book = openpyxl.Workbook()
    for name, shift in (("地块甲", 0), ("地块乙", 1000)):
        sheet = book.create_sheet(name)
        for row in [CGCS, HEADER, *ring([(x + shift, y) for x, y in SQUARE], name, 1)]:
            sheet.append(row)
    book.create_sheet("说明").append(["填表说明"])
    book.create_sheet("空表")
    book.save(path)
    sources = read(path)
    assert [source.layer for source in sources] == ["地块甲", "地块乙"]
    assert noted(sources[0]) == ["POINTS_SHEET_IGNORED"]
    assert only(path, layer="地块乙").geoms[0].bounds[1] == 4406000
    assert "地块甲、地块乙、说明" in str(read_error(path, "没有"))


def read_error(path: Path, layer: str) -> str:
    with pytest.raises(InputError, match="LAYER_UNKNOWN") as caught:
        read(path, layer=layer)
    return caught.value.finding.fix


def test_two_zones_in_one_table(table: Table) -> None:
    other = [(x, y + 1_000_000) for x, y in SQUARE]
    sources = read(table(CGCS, HEADER, *ring(SQUARE, "甲", 1), *ring(other, "乙", 1)))
    assert [source.frame["地块编号"].tolist() for source in sources] == [["甲"], ["乙"]]
    assert [source.crs and source.crs.to_epsg(20) for source in sources] == [4514, 4515]


def test_limits(tmp_path: Path) -> None:
    rows = [[str(k), 1, "J1", x, y] for k in range(3) for x, y in SQUARE]
    path = save(tmp_path / "点.csv", [CGCS, HEADER, *rows])
    assert "max_features（2）" in refused(path, "LIMIT_EXCEEDED", limits=Limits(max_features=2))
    assert "max_text_bytes（99）" in refused(path, "LIMIT_EXCEEDED", limits=Limits(max_text_bytes=99))
    path = save(tmp_path / "点.xlsx", [CGCS, HEADER, *rows])
    assert "max_text_bytes（999）" in refused(path, "LIMIT_EXCEEDED", limits=Limits(max_text_bytes=999))


def test_full_width_codes_are_one_code_and_names_stay(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {"地块编号": ["１２３－４", "123-4"], "地块名称": ["（一）期", "(一)期"]},
        geometry=[shapely.box(80, 40, 80.01, 40.01), shapely.box(81, 40, 81.01, 40.01)],
        crs=4490,
    )
    frame.to_file(tmp_path / "a.gpkg")
    layer = read_parcels(tmp_path / "a.gpkg")
    assert layer.frame["declared_id"].tolist() == ["123-4", "123-4"]
    assert layer.frame["name"].tolist() == ["（一）期", "(一)期"]
    assert "PARCEL_ID_DUPLICATE" in [f.code for f in layer.findings]


def test_a_row_with_a_forged_number(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", [CGCS, HEADER, *ring(SQUARE, "P1", 1)])
    far = tmp_path / "b.xlsx"
    with zipfile.ZipFile(path) as book, zipfile.ZipFile(far, "w") as out:
        for name in book.namelist():
            text = book.read(name).decode()
            if name.endswith("sheet1.xml"):
                assert 'r="7"' in text
                text = re.sub(r'r="([A-E]?)7"', r'r="\g<1>100000"', text)
            out.writestr(name, text)
    assert only(far).geoms[0].equals(only(path).geoms[0])
