"""What the opinion form of one project says."""

from __future__ import annotations

from pathlib import Path

import pytest

import controllines as cl
from controllines.report import opinion as module
from controllines.report import points
from controllines.report.model import build
from controllines.report.opinion import Opinion, opinion, picks, same_use
from tests.builders import here, layer, make_plan


def forms_of(result: cl.CheckResult) -> dict[str, Opinion]:
    """The form of each project."""
    report, land = build(result), result.project_land
    return {project.project_id: opinion(report, project, land[land["project_id"] == project.project_id])
            for project in report.projects}  # fmt: skip


@pytest.fixture(scope="module")
def said(two_projects: cl.CheckResult) -> dict[str, Opinion]:
    return forms_of(two_projects)


def values(rows: list[dict[str, str]]) -> dict[str, str]:
    return {row["label"]: row["value"] for row in rows}


def test_form_holds_the_plan_against_what_was_applied_for(said: dict[str, Opinion]) -> None:
    rows = values(said["P/1"].plan_rows)
    # official area is 0.99968 of the planar one here; drawn 60 × 100, 30 × 100, 25 × 100 of 14 000 m²;
    # 9.00 + 4.50 + 7.50亩 would be more than 20.99: the figure nearest to its rounding edge (8.997) gives way
    assert rows["村"] == "夏村（650422100201）1.3995公顷（20.99亩）"
    assert rows["规划用途"] == ("一类工业用地（100101）0.5998公顷（8.99亩）、城镇道路用地（1207）0.2999公顷（4.50亩）、"
                            "无规划用途0.4998公顷（7.50亩）")  # fmt: skip
    assert rows["已批用地"] == "一期0.2499公顷（3.75亩）、不在已批用地范围内1.1496公顷（17.24亩）"
    assert rows["申报用途"] == "“1001”0.9997公顷（15.00亩）"
    assert rows["规划用途与申报用途"].startswith("相同0.5998公顷（9.00亩），不同0.3999公顷（6.00亩）")


def test_annex_names_only_the_files_of_its_project(tmp_path: Path) -> None:
    land = here(0, 0, 100, 100)
    for name in ("甲", "乙"):
        layer([land], DKBH=[f"{name}-1"]).to_file(tmp_path / f"{name}.geojson", driver="GeoJSON")
    plan = make_plan(permanent_farmland=[here(50, -10, 400, 400)])
    checked = cl.check([str(tmp_path / "甲.geojson"), str(tmp_path / "乙.geojson")], plan, as_of="2026-11-21")
    [text] = [str(form) for form in forms_of(checked).values() if "甲-1" in str(form)]
    assert "甲.geojson" in text
    assert "乙.geojson" not in text


@pytest.mark.parametrize(
    ("applied", "code", "name", "same"),
    [("1001", "100101", "一类工业用地", True), ("100101", "1001", "工业用地", True), ("10", "1001", "工业用地", True),
     ("0601", "1001", "工业用地", False), ("1001", "", "工业用地", False), ("工业用地", "1001", "工业用地", True),
     ("工业用地", "100101", "一类工业用地", False)],
)  # fmt: skip
def test_uses_are_the_same_by_code_as_far_as_both_go_or_by_name(applied: str, code: str, name: str, same: bool) -> None:
    assert same_use(applied, code, name) is same


def test_sentences_to_pick_from_fit_what_was_measured(said: dict[str, Opinion]) -> None:
    """P/1 lies in farmland and partly in the boundary, =2+2 in none; the redline is far from both."""
    none = ["不位于生态保护红线范围内。", "项目穿越/跨越生态保护红线，在生态保护红线范围内不申请用地。"]
    first, second = said["P/1"].picks, said["=2+2"].picks
    assert first[:2] == second[:2] == none
    assert first[2].startswith("项目申请占用永久基本农田0.8997公顷（13.49亩），")
    assert first[3] == "项目用地部分位于城镇开发边界内（界内0.9997公顷（14.99亩）、界外0.3998公顷（6.00亩））。"
    assert second[2] == "项目不涉及占用永久基本农田。"
    assert second[3].startswith("项目位于国土空间规划确定的城市和村庄、集镇建设用地范围外")
    assert first[-1] == second[-1]  # what is taken off is written by hand
    assert first[-1].startswith("核减用地　")


def test_nothing_is_picked_for_a_line_that_was_not_checked(report) -> None:
    """TKX-006: farmland failed; TKX-005: redline and farmland without data."""
    lines = {row.parcel_id: row.lines for row in report.parcels}
    assert picks(lines["TKX-006"]) == ["不位于生态保护红线范围内。", picks(lines["TKX-001"])[1],
                                       "项目用地全部位于城镇开发边界内。", picks(())[0]]  # fmt: skip
    assert len(picks(lines["TKX-005"])) == 2


def test_land_adds_up_and_no_part_prints_above_its_whole(said: dict[str, Opinion]) -> None:
    """9 996.75 m² are 15.00亩 by themselves, but 14.99 beside the 6.00 of a project of 20.99."""
    assert [(row["name"], row["area"], row["mu"]) for row in said["P/1"].land] == [
        ("农用地", "0.9997", "14.99"), ("　　其中：耕地", "0.9997", "14.99"), ("　　　　水浇地", "0.9997", "14.99"),
        ("建设用地", "0.3998", "6.00"),
    ]  # fmt: skip
    assert [row["name"] for row in said["=2+2"].land] == ["地类不明"]


def test_what_was_not_declared_or_not_checked_is_said(said: dict[str, Opinion]) -> None:
    form = said["=2+2"]
    assert values(form.facts)["申报面积"] == "—"
    assert values(form.plan_rows)["规划用途"] == "无规划用途0.9997公顷（15.00亩）"
    assert form.not_checked.startswith("下列控制线未作核对：自然保护地、")
    assert form.not_checked.endswith("未作核对不等于不涉及。")
    assert form.corner_note.startswith("坐标为申报数据原值（EPSG:4518），未作改算")
    assert len(form.questions) == len(set(form.questions)) > 0
    assert form.land_note.startswith("现状地类：")


def test_corner_points_that_are_too_many_stand_elsewhere(two_projects: cl.CheckResult, monkeypatch) -> None:
    """Ten points of two boxes; without a workbook they stay in the form."""
    monkeypatch.setattr(points, "FEW", 9)
    report, land = build(two_projects), two_projects.project_land
    form = opinion(report, report.projects[0], land)
    assert form.corners == []
    assert form.corner_note.startswith("界址点共10个，超过")
    assert len(opinion(report, report.projects[0], land, book=False).corners) == 10


def test_a_note_on_the_project_as_a_whole_is_printed(said: dict[str, Opinion]) -> None:
    """50 × 100 m of farmland within the boundary (rule G-03)."""
    [row] = [row for row in said["P/1"].lines if row["line"] == "项目整体"]
    assert row["ruling"].startswith("提示\n城镇开发边界内有永久基本农田0.4998公顷（7.50亩），不是数据错误")


def test_a_parcel_with_too_many_points_refers_to_its_file(two_projects: cl.CheckResult, monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST", 4)
    report = build(two_projects)
    note = opinion(report, report.projects[0], two_projects.project_land).corner_note
    assert note == "有地块的界址点超过4个，不在此列出，见申报文件。"


def test_without_rules_nothing_is_said_of_the_accuracy(report, result) -> None:
    form = opinion(report, report.projects[0], result.project_land)
    assert (form.sensitivity, form.sensitivity_note, form.land, form.land_note) == ([], "未作规则判定", [], "")
    assert {row["ruling"] for row in form.lines} == {"未作规则判定"}
