"""What is said of a parcel and a line: every outcome, with the figures of its table."""

from __future__ import annotations

from typing import Any

import pytest

from controllines.kinds import kind_of
from controllines.report.figures import Convention
from controllines.report.model import build
from controllines.report.sentences import Scope, flags, result_word, row_class, told
from controllines.report.sheets import note_lines, tables


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


def overlap(outcome: str, **known: Any) -> dict[str, Any]:
    return {"outcome": outcome, "flags": "", "area_m2": 0.0, "outside_m2": 0.0, "conflict_m2": 0.0, "sliver_m2": 0.0,
            "uncovered_m2": 0.0} | known  # fmt: skip


@pytest.mark.parametrize(
    ("sense", "row", "word", "look"),
    [
        ("avoid", overlap("none"), "不涉及", "none"),
        ("avoid", overlap("conflict", area_m2=1.0, conflict_m2=1.0), "涉及", "conflict"),
        ("avoid", overlap("no_data"), "无数据", "undetermined"), ("avoid", overlap("failed"), "待核实", "undetermined"),
        ("stay_within", overlap("none", area_m2=1.0), "全部位于边界内", "none"),
        ("stay_within", overlap("conflict", area_m2=1.0, outside_m2=1.0, conflict_m2=1.0), "部分位于边界内", "outside"),
        ("stay_within", overlap("conflict", outside_m2=1.0, conflict_m2=1.0), "全部位于边界外", "outside"),
        ("stay_within", overlap("conflict", outside_m2=1.0, conflict_m2=1.0, uncovered_m2=1.0), "涉及边界外",
         "outside"),
        ("avoid", overlap("conflict", conflict_m2=1.0, sliver_m2=1.0, flags="sub_resolution;sliver"), "涉及（待核实）",
         "undetermined"),
        ("avoid", overlap("conflict", conflict_m2=2.0, sliver_m2=1.0, flags="sub_resolution"), "涉及（待核实）",
         "conflict"),
        ("avoid", overlap("conflict", conflict_m2=2.0, flags="excluded_feature"), "涉及（待核实）", "conflict"),
        ("avoid", overlap("none", flags="sub_resolution"), "不涉及", "none"),
    ],
)  # fmt: skip
def test_a_word_and_a_colour_for_every_row(sense: str, row: dict[str, Any], word: str, look: str) -> None:
    assert (result_word(row, sense), row_class(row, sense)) == (word, look)


def test_flags_are_a_list() -> None:
    assert flags({"flags": "sliver;uncovered"}) == ["sliver", "uncovered"]
    assert flags({"flags": None}) == flags({}) == []


def test_pieces_of_one_class_are_named_together() -> None:
    """2 000 and 3 000 m² of one zone, 5 000 of another: the inside of one hectare by zones."""
    pieces = [{"class": name, "area_m2": m2} for name, m2 in (("集中", 2e3), ("弹性", 5e3), ("集中", 3e3))]
    row = overlap("none", area_m2=1e4, contact_m2=0.0, net_area_m2=None)
    shown, text = told(row, {"area_m2": 1e4}, Scope(kind_of("urban_boundary")), Convention(), pieces=pieces)
    zones = "其中集中0.5000公顷（7.50亩）、弹性0.5000公顷（7.50亩）"
    assert text == f"全部位于城镇开发边界内，{zones}"
    assert shown.inside.ha.text == "1.0000"
