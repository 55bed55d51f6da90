from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pandas as pd
import pytest
import shapely

from controllines.kinds import kind_of
from controllines.report.model import build
from controllines.report.sheets import note_lines, tables
from controllines.report.words import clean, words
from tests.report.conftest import laid

FORBIDDEN = ("同意", "不同意", "不予", "准予", "通过", "合格", "违法", "无冲突")


@pytest.fixture(scope="module")
def report(result):
    return build(result)


def said(report, parcel: str, kind: str) -> str:
    row = next(row for row in report.parcels if row.parcel_id == parcel)
    return next(line.sentence for line in row.lines if line.scope.kind.key == kind)


@pytest.mark.parametrize(
    ("parcel", "kind", "sentence"),
    [
        ("TKX-001", "ecological_redline", "不涉及生态保护红线（该图层覆盖范围按其外接矩形计）"),
        ("TKX-001", "permanent_farmland", "不涉及永久基本农田"),
        ("TKX-002", "urban_boundary", "全部位于城镇开发边界外"),
        ("TKX-005", "permanent_farmland", "永久基本农田：全部位于该图层覆盖范围以外，无数据，未作核对"),
        ("TKX-005", "urban_boundary", "全部位于城镇开发边界内"),
        ("TKX-006", "permanent_farmland", "永久基本农田：有控制要素未能参与核对，核对失败，待核实"),
        ("TKX-007", "ecological_redline",
         "涉及生态保护红线，重叠面积0.08平方米，其中细碎重叠0.08平方米；疑为接边误差，须核对原始界址点"),
        ("TKX-008", "permanent_farmland",
         "涉及永久基本农田，重叠面积0.30平方米（未扣除田坎；缺少田坎系数，扣除后面积无法计算），其中细碎重叠0.30平方米"),
    ],
)  # fmt: skip
def test_sentences(report, parcel: str, kind: str, sentence: str):
    assert said(report, parcel, kind) == sentence


def test_a_sentence_quotes_its_table(report):
    row = next(row for row in report.parcels if row.parcel_id == "TKX-004")
    line = row.lines[2]
    inside, outside = line.shown.inside, line.shown.outside
    assert inside.ha.number + outside.ha.number == row.shown.ha.number
    start = f"部分位于城镇开发边界内（界内{inside.phrase}、界外{outside.phrase}），其中城镇集中建设区"
    assert line.sentence.startswith(start)
    assert sum(part.ha.number for _, part in line.pieces) == inside.ha.number
    assert all(part.phrase in line.sentence for _, part in line.pieces)
    towns = [part.ha.number for unit, part in row.units if unit["kind"] == "township"]
    assert sum(towns) == row.shown.ha.number


def test_farmland_names_net_and_gross(report):
    text = said(report, "TKX-003", "permanent_farmland")
    line = next(row for row in report.parcels if row.parcel_id == "TKX-003").lines[1]
    net, gross = line.shown.net, line.shown.conflict
    assert text == f"涉及永久基本农田，重叠面积{net.phrase}（扣除田坎），未扣除田坎{gross.phrase}"
    assert net.ha.number < gross.ha.number


def test_partly_uncovered_says_how_much_is_not_known(report):
    row = next(row for row in report.parcels if row.parcel_id == "TKX-005")
    uncovered = row.lines[0].shown.uncovered
    assert float(uncovered.ha.number) == pytest.approx(float(row.shown.ha.number) * 0.4, abs=1e-4)
    assert row.lines[0].sentence == f"生态保护红线：有{uncovered.phrase}位于该图层覆盖范围以外，该部分无数据，未作核对"
    assert row.look == "undetermined"


def test_conflict_beside_unknown_land_says_both(make_result):
    result = make_result()
    row = (result.overlaps["parcel_id"] == "TKX-002") & (result.overlaps["kind"] == "ecological_redline")
    result.overlaps.loc[row, ["uncovered_m2", "flags"]] = [5_000.0, "uncovered;excluded_feature"]
    text = said(build(result), "TKX-002", "ecological_redline")
    assert "重叠面积" in text
    assert "另有0.5000公顷（7.50亩）超出该图层覆盖范围，无数据，未作核对" in text
    assert text.endswith("；另有控制要素未能参与核对，待核实")


def test_land_outside_the_boundary_and_partly_uncovered(make_result):
    result = make_result()
    row = (result.overlaps["parcel_id"] == "TKX-002") & (result.overlaps["kind"] == "urban_boundary")
    outside = result.overlaps.loc[row, "outside_m2"].item() - 5_000.0
    changed = {"uncovered_m2": 5_000.0, "outside_m2": outside, "conflict_m2": outside, "flags": "uncovered"}
    result.overlaps.loc[row, list(changed)] = list(changed.values())
    line = build(result).parcels[1].lines[2]
    assert line.sentence == (
        f"图层覆盖范围内的{line.shown.outside.phrase}全部位于城镇开发边界外"
        f"；另有{line.shown.uncovered.phrase}超出该图层覆盖范围，无数据，未作核对"
    )
    assert line.result == "涉及边界外"


def test_unknown_land_outweighs_land_outside_the_boundary(make_result):
    result = make_result()
    row = (result.overlaps["parcel_id"] == "TKX-004") & (result.overlaps["kind"] == "ecological_redline")
    result.overlaps.loc[row, "outcome"] = "failed"
    assert build(result).parcels[3].look == "undetermined"


def test_a_wide_conflict_with_one_doubtful_strip_is_still_a_conflict(make_result):
    result = make_result()
    row = (result.overlaps["parcel_id"] == "TKX-002") & (result.overlaps["kind"] == "ecological_redline")
    result.overlaps.loc[row, ["sliver_m2", "flags"]] = [0.5, "sub_resolution;sliver"]
    parcel = build(result).parcels[1]
    assert parcel.look == "conflict"
    assert "其中部分疑为接边误差" in parcel.lines[0].sentence


def test_missing_layer_is_never_none(make_result):
    result = make_result()
    rows = result.overlaps["kind"] == "ecological_redline"
    measures = [name for name in result.overlaps if name.endswith(("_m2", "_m")) and name != "uncovered_m2"]
    result.overlaps.loc[rows, [*measures, "share"]] = float("nan")
    result.overlaps.loc[rows, "outcome"] = "no_data"
    result.provenance["checked"] = ["permanent_farmland", "urban_boundary"]
    del result.plan.layers["ecological_redline"]
    report = build(result)
    assert report.title == "永久基本农田、城镇开发边界套合核对"
    assert said(report, "TKX-001", "ecological_redline").startswith("生态保护红线：无数据，未作核对")
    printed = [str(cell) for table in tables(report) for cells in table.rows for cell in cells]
    assert not any("三条控制线" in text for text in [*printed, *report.summary, *(t for _, t in note_lines(report))])


def test_line_not_asked_for_is_named_as_not_checked(make_result):
    result = make_result(lines=["permanent_farmland", "urban_boundary"])
    rows = result.overlaps["kind"] == "ecological_redline"
    result.overlaps.loc[rows, "outcome"] = "no_data"
    result.overlaps.loc[rows, "flags"] = ""
    assert said(build(result), "TKX-001", "ecological_redline") == "生态保护红线：未列入本次核对，未作核对"


def test_title_of_all_three(report):
    assert report.title == "三条控制线套合核对"
    assert report.banners == ("合成数据，仅供演示",)


def test_worst_look_and_reason_of_the_excluded(report):
    looks = {row.parcel_id: row.look for row in report.parcels}
    assert [looks[f"TKX-00{n}"] for n in range(1, 9)] == [
        "none", "conflict", "conflict", "outside", "undetermined", "undetermined", "undetermined", "conflict",
    ]  # fmt: skip
    assert (looks["TKX-011"], report.parcels[-1].reason) == ("excluded", "要素 TKX-011 没有面积（3），已排除")


def test_control_lines_are_drawn_only_near_the_applications(result):
    near, everything, none = (build(result, map_lines=choice).map for choice in ("near", "all", "none"))
    assert {shape.key for shape in near.lines} == {
        "ecological_redline-0", "permanent_farmland-0", "permanent_farmland-1",
        "urban_boundary-0", "urban_boundary-1", "urban_boundary-2",
    }  # fmt: skip
    assert "ecological_redline-1" in {shape.key for shape in everything.lines}
    assert none.lines == ()


def test_a_control_line_is_cut_500_m_from_the_applications(make_result):
    result = make_result()
    county = shapely.box(88.0, 42.5, 89.0, 43.0)
    frame = result.plan.layers["ecological_redline"].frame.iloc[[0]].set_geometry([county], crs="EPSG:4490")
    layers = {"ecological_redline": laid("ecological_redline", frame)}
    changed = dataclasses.replace(result, plan=SimpleNamespace(layers=layers, failed={}, kind=kind_of))
    (shape,) = build(changed).map.lines
    west, south, east, north = shape.geometry.bounds
    # applications span 88.500–88.512 by 42.800–42.809; 500 m are 0.00611° of longitude and 0.00450° of latitude
    assert (west, east) == pytest.approx((88.5 - 0.00611, 88.512 + 0.00611), abs=5e-5)
    assert (south, north) == pytest.approx((42.8 - 0.0045, 42.809 + 0.0045), abs=5e-5)


def test_tables_name_area_convention_and_balance(make_result):
    for choice, name in (("official", "椭球面积"), ("planar", "平面面积")):
        report = build(make_result(area=choice))
        assert report.convention.startswith(f"面积口径：{name}")
        summary = tables(report)[0]
        column = [c.heading for c in summary.columns].index("界内面积\n（公顷）")
        figures = [getattr(row[column], "number", None) or 0 for row in summary.rows]
        assert sum(figures) == summary.totals[column].number
        parcel = report.parcels[3]
        inside, outside = parcel.lines[2].shown.inside, parcel.lines[2].shown.outside
        assert inside.ha.number + outside.ha.number == parcel.shown.ha.number


def test_words_are_free_of_judgements():
    texts = [text for section in words().values() for text in section.values()]
    assert texts
    assert not [(text, word) for text in texts for word in FORBIDDEN if word in text]


def test_clean_keeps_text_and_drops_what_no_document_carries():
    assert clean("响\x07铃\x00\x1b[31m\u202e反\ud800") == "响铃[31m反"
    assert clean(" a\r\n\tb ") == "a b"
    assert clean(None) == clean(float("nan")) == ""


def test_nulls_of_pandas_do_not_matter(make_result):
    result = make_result()
    parcels = result.parcels.astype({"name": "string", "declared_id": "string"})
    overlaps = result.overlaps.convert_dtypes()
    assert overlaps["area_m2"].dtype == pd.Float64Dtype()
    assert build(dataclasses.replace(result, parcels=parcels, overlaps=overlaps)).parcels == build(result).parcels
