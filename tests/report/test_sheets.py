"""The tables of the report: headings, figures, totals, findings and notes."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

from controllines.findings import finding
from controllines.report import points, sheets
from controllines.report.figures import Figure
from controllines.report.model import Report, build
from controllines.report.sheets import Column, Table, kind_names, tables


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


def named(report: Report) -> dict[str, Table]:
    return {table.name: table for table in tables(report)}


def test_findings_are_grouped_with_exact_counts(report):
    rows = named(report)["问题清单"].rows
    assert [(row[0], row[1], row[8]) for row in rows] == [
        ("错误", 1, "GEOMETRY_COLLAPSED"), ("已修复", 2, "GEOMETRY_REPAIRED"),
    ]  # fmt: skip
    assert "（88.5, 42.8）" in rows[1][7]


def test_warnings_are_grouped_over_files_errors_are_not(report):
    """25 warnings of one code in two files are one row with 20 places; the same error of two files is two rows."""
    rows = [
        vars(finding(code, source=f"申请/{n % 2}.txt", feature=f"D{n}", actual="3", expected="4"))
        for code, count in (("GEOMETRY_REPAIRED", 25), ("GEOMETRY_COLLAPSED", 2)) for n in range(count)
    ]  # fmt: skip
    provenance = report.provenance | {"finding_counts": {"GEOMETRY_REPAIRED": 1_234, "GEOMETRY_COLLAPSED": 2}}
    changed = dataclasses.replace(report, findings=tuple(rows), provenance=provenance)
    table = named(changed)["问题清单"].rows
    assert [(row[0], row[1], row[2]) for row in table] == [
        ("错误", 1, "申请/0.txt"), ("错误", 1, "申请/1.txt"), ("已修复", 1_234, "申请/0.txt 等2个文件")]  # fmt: skip
    places = table[-1][7]
    assert places.startswith("0.txt：D0、1.txt：D1、")
    assert places.endswith("：D19等")


def test_notes_trace_the_run(report):
    notes = dict(named(report)["说明"].rows)
    assert notes["核对编号"] == "0123456789ab"
    assert notes["未作核对"] == "自然保护地"
    assert "2022年批准启用成果" in notes["图层：生态保护红线"]
    assert "ab" * 32 in notes["申报文件：申请/2026/一批.txt"]
    assert "controllines 0.1.0" in notes["软件版本"]
    assert notes["规则"] == "未作规则判定"


def test_rulings_and_corner_points_stand_only_where_there_are_any(report, two_projects):
    assert list(named(report)) == ["总表", "明细", "图斑", "单元", "项目", "问题清单", "说明"]
    judged = named(build(two_projects))
    assert "判定" in judged
    assert "界址点" not in judged  # few enough for the forms
    assert [head.heading for head in judged["明细"].columns[-5:]] == ["人工认定", "理由", "依据文件", "认定人", "日期"]
    # what is clear and has no note is left to 明细: nothing lies in the redline
    assert {row[2] for row in judged["判定"].rows} == {"永久基本农田", "城镇开发边界", "地类与用地规模", "项目整体"}


def test_every_row_has_a_cell_for_each_column(report, two_projects):
    for table in (*tables(report), *tables(build(two_projects))):
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.name


def figure(text: str) -> Figure:
    return Figure(text, Decimal(text))


def test_totals_are_sums_of_what_is_printed():
    columns = (Column("编号", 5), Column("面积", 5, "ha", total=True), Column("净面积", 5, "ha", total=True))
    rows = (("a", figure("0.1000"), Figure("—")), ("b", figure("0.2000"), Figure("—")),
            ("c", Figure("0.30平方米"), Figure("—")))  # fmt: skip
    assert [str(cell) for cell in Table("表", columns, rows).totals] == ["合计", "0.3000", "—"]
    assert Table("表", columns, ()).totals == ()
    assert Table("表", columns[:1], (("a",),)).totals == ()


def test_kinds_are_named_as_the_plan_calls_them(report):
    assert (
        kind_names(report, ["permanent_farmland", "nature_reserve", "custom:own"])
        == "永久基本农田、自然保护地、custom:own"
    )
    assert kind_names(report, []) == "无"


def test_counts_that_were_cut_short_say_at_least(report, monkeypatch):
    """Two layers of one code: each count is its own, and where the list was capped the number is a lower bound."""
    monkeypatch.setattr(sheets, "LISTED_PER_CODE", 3)
    rows = [vars(finding("GEOMETRY_REPAIRED", source="a.gdb", layer=layer, feature=n, actual="1", expected="2"))
            for layer, count in (("甲", 3), ("乙", 2)) for n in range(count)]  # fmt: skip
    provenance = report.provenance | {"finding_counts": {"GEOMETRY_REPAIRED": 9}}
    changed = dataclasses.replace(report, findings=tuple(rows), provenance=provenance)
    assert [(row[3], row[1]) for row in named(changed)["问题清单"].rows] == [("甲", "至少3"), ("乙", 2)]


def test_notes_name_what_a_county_changed_in_the_rules(report):
    record = {
        "id": "tkx", "name": "本县", "version": "1", "rules": 90, "sha256": "ab",
        "extends": {"id": "national", "name": "全国", "version": "2"}, "added": ["TKX-01"],
        "changes": [{"entry": "rules.ER-05", "keys": ["level"]}, {"entry": "rules.PBF-10", "keys": []}],
    }  # fmt: skip
    changed = dataclasses.replace(report, provenance=report.provenance | {"rule_pack": record})
    assert dict(named(changed)["说明"].rows)["规则"] == (
        "本县（tkx）1，规则90条；校验码 SHA-256：ab；依托全国 2；改动：rules.ER-05（level）、rules.PBF-10（不适用）；"
        "增加：TKX-01")  # fmt: skip


def test_a_parcel_with_too_many_points_refers_to_its_file(two_projects, monkeypatch):
    """Ten points of P/1 are more than its form takes; the parcels with more points than are listed at all say so."""
    for name, value in (("FEW", 9), ("MOST", 4)):
        monkeypatch.setattr(points, name, value)
    monkeypatch.setattr(sheets, "MOST", 4)
    rows = named(build(two_projects))["界址点"].rows
    assert [row[:4] for row in rows] == [("P/1", key, "", "共5点，见申报文件") for key in "ab"]


def test_every_option_of_a_run_stands_in_its_notes(two_projects):
    said = dict(named(build(two_projects))["说明"].rows)["选项"]
    given = {key: value for key, value in two_projects.provenance["options"].items() if value is not None}
    assert len(said.split("；")) == len(given) >= 5
    assert {"界址点测量精度（米）：0.05", "细碎重叠宽度上限（米）：0.2", "报表面积口径：椭球面积"} <= set(
        said.split("；")
    )
