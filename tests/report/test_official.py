"""Official forms: figures that add up in Excel, headings, order, and what a county may change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pytest
import shapely

from controllines.errors import UsageError
from controllines.pipeline import check
from controllines.report.formrows import Rows
from controllines.report.official import form_of, forms, lay_out, write_checked, write_form
from controllines.tables import AreaTable
from tests.report.conftest import area_table

RNG = np.random.default_rng(7)


def lines() -> AreaTable:
    towns = [("650422100", "甲镇"), ("650422101", "乙镇"), (None, "范围外")]
    names = ("城镇开发边界", "永久基本农田", "生态保护红线")
    return area_table(("township",), [
        (line, *town, m2, m2 * 0.9 if line == "永久基本农田" else np.nan)
        for line in names for town, m2 in zip(towns, RNG.uniform(1e4, 1e7, 3), strict=True)
    ])  # fmt: skip


def read(path: Path) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in openpyxl.load_workbook(path).active.iter_rows()]


def test_three_lines(tmp_path: Path) -> None:
    cells = read(write_form(lines(), "三线占用情况汇总表", tmp_path / "a.xlsx"))
    assert cells[0][0] == "三线占用情况汇总表（参考样式）"
    assert "合成数据，仅供演示" in cells[1][0]
    assert "单位：公顷" in cells[1]
    assert cells[2][:6] == ["代码", "统计单元", "城镇开发边界", "永久基本农田", None, "生态保护红线"]
    assert cells[3][2:6] == ["面积", "面积", "净面积", "面积"]
    assert [row[1] for row in cells[4:8]] == ["合计", "甲镇", "乙镇", "范围外"]
    assert cells[5][0] == "650422100"
    for column in range(2, 6):
        assert round(sum(row[column] for row in cells[5:8]), 2) == cells[4][column]
    assert cells[8][0].startswith("注：")
    assert any(row[0] and row[0].startswith("填表人：") and "审核人" in row[0] and "日期" in row[0] for row in cells)


def test_the_total_may_stand_last(tmp_path: Path) -> None:
    cells = read(write_form(lines(), "three_lines", tmp_path / "a.xlsx", total="last"))
    assert [row[1] for row in cells[4:8]] == ["甲镇", "乙镇", "范围外", "合计"]


def test_land_classes_add_up_across_and_down(tmp_path: Path) -> None:
    classes = [
        ("0102", "水浇地", "农用地"),
        ("0301", "乔木林地", "农用地"),
        ("0601", "工业用地", "建设用地"),
        ("9X", "别的", None),
    ]
    rows = []
    for owner in ("国有", "集体"):
        for (code, name, big), m2 in zip(classes, RNG.uniform(1e3, 1e6, 4), strict=True):
            net = m2 * (0.9 if code == "0102" else 1)
            rows.append(("现状地类", None, owner, code, name, None, big, m2, net))
    given = area_table(("ownership", "land_class", "big_class"), rows)
    cells = read(write_form(given, "land_classes", tmp_path / "a.xlsx"))
    big = [name for name in cells[2] if name]
    assert big == ["权属", "合计", "农用地", "建设用地", "地类不明"]
    assert cells[3][2:6] == ["小计", "水浇地", "乔木林地", "田坎"]
    body = np.array([row[1:8] for row in cells[5:8]], dtype=float)
    np.testing.assert_allclose(body[0], body[1:].sum(axis=0), atol=1e-9)
    np.testing.assert_allclose(body[:, 0], body[:, 1] + body[:, 5] + body[:, 6], atol=1e-9)
    np.testing.assert_allclose(body[:, 1], body[:, 2:5].sum(axis=1), atol=1e-9)
    exact = given.frame["area_m2"].sum() / 1e4
    assert abs(body[0, 0] - exact) < 0.01
    ridges = 0.1 * given.frame["area_m2"][given.frame["land_class_code"] == "0102"].sum() / 1e4
    assert abs(body[0, 4] - ridges) < 0.01


def test_no_data_is_a_dash_and_stays_out_of_the_total() -> None:
    form = form_of("overlap")
    nothing = {key: ["甲", "乙", "丙"] for key in ("project_id", "name", "townships")}
    areas = {column.value: np.zeros(3) for column in form.columns if column.kind == "area" and column.value}
    areas["ecological_redline.area_m2"] = np.array([12_345.0, np.nan, 0.3])
    laid = lay_out(form, Rows(nothing | {"number": ["1", "2", "3"], "parcels": ["1", "2", "4"]}, areas, count=3))
    at = next(n for n, column in enumerate(laid.columns) if column.value == "ecological_redline.area_m2")
    assert [row[at] for row in laid.cells] == [1.2345, 1.2345, "—", "0.30平方米"]
    assert laid.cells[0][4] == 7
    assert any("—" in note for note in laid.notes)


def test_a_county_may_change_a_column(tmp_path: Path) -> None:
    own = tmp_path / "本县.toml"
    own.write_text(
        'key = "own"\\ntitle = "三线面积表"\\nconfirmed = true\\nsource = "本县"\\nrows = "units"\\nunit = "亩"\\n'
        '[[columns]]\\nheading = ["乡镇"]\\nvalue = "name"\\n'
        '[[columns]]\\nheading = ["红线"]\\nvalue = "生态保护红线.area_m2"\\nkind = "area"\\n'.replace("\\n", "\n"),
        encoding="utf-8",
    )  # fmt: skip
    cells = read(write_form(lines(), own, tmp_path / "a.xlsx"))
    assert cells[0][0] == "三线面积表"
    assert cells[2] == ["乡镇", "红线"]
    own.write_text('key = "own"', encoding="utf-8")
    with pytest.raises(UsageError, match="FORM_WRONG"):
        form_of(own)


def test_what_cannot_be_made_says_so(tmp_path: Path) -> None:
    assert forms() == ("farmland", "land_classes", "overlap", "three_lines")
    with pytest.raises(UsageError, match="FORM_UNKNOWN"):
        form_of("没有")
    with pytest.raises(UsageError, match="FORM_SOURCE"):
        write_form(lines(), "overlap", tmp_path / "a.xlsx")


def test_forms_of_a_check_hold_the_areas_of_the_check(tmp_path: Path) -> None:
    def boxes(*given: tuple[int, int, int, int], **columns: list[Any]) -> gpd.GeoDataFrame:
        shapes = [shapely.box(88.5 + w / 1e3, 42.8 + s / 1e3, 88.5 + e / 1e3, 42.8 + n / 1e3) for w, s, e, n in given]
        return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4490")

    plan = {
        "ecological_redline": boxes((0, 0, 2, 2), BSM=["r"]),
        "permanent_farmland": boxes((2, 0, 4, 8), BSM=["f"], DLBM=["0102"], KCXS=[0.1]),
        "urban_boundary": boxes((4, 0, 8, 8), BSM=["u"], GHFQMC=["城镇集中建设区"]),
        "township": boxes((0, 0, 8, 8), XZQDM=["650422100"], XZQMC=["甲镇"]),
        "land_use": boxes((0, 0, 4, 8), (4, 0, 8, 8), BSM=["1", "2"], DLBM=["0102", "0601"],
                          DLMC=["水浇地", "工业用地"], KCXS=[0.1, 0.0], QSXZ=["20", "30"]),
    }  # fmt: skip
    result = check(boxes((1, 1, 5, 3), DKBH=["D1"]), plan, as_of="2026-11-21")
    assert write_checked(result, tmp_path) == [f"统计表样/{name}.xlsx" for name in (
        "用地压盖统计表", "占用永久基本农田及补划表", "土地分类面积表")]  # fmt: skip
    (overlap,) = [row for row in read(tmp_path / "统计表样/用地压盖统计表.xlsx") if row[0] == 1]
    inside = result.project_overlaps.set_index("kind")
    assert overlap[3] == "甲镇"
    assert overlap[5] == pytest.approx(result.projects["area_m2"].iloc[0] / 1e4, abs=1e-4)
    assert overlap[6] == pytest.approx(overlap[7] + overlap[8], abs=1e-9)
    assert overlap[5] == pytest.approx(overlap[6] + sum(overlap[9:12]), abs=1e-9)
    assert overlap[13] == pytest.approx(inside.loc["permanent_farmland", "net_area_m2"] / 1e4, abs=1e-4)
    assert overlap[14] == pytest.approx(inside.loc["ecological_redline", "area_m2"] / 1e4, abs=1e-4)
    (taken,) = [row for row in read(tmp_path / "统计表样/占用永久基本农田及补划表.xlsx") if row[0] == 1]
    assert (taken[3], taken[5], taken[6]) == ("甲镇", "f", "0102水浇地")
    assert taken[8] == pytest.approx(overlap[13], abs=1e-4)
    classes = read(tmp_path / "统计表样/土地分类面积表.xlsx")
    assert classes[5][1] == pytest.approx(overlap[5], abs=1e-4)  # 合计
