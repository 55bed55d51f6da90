"""What the opinion form of one project says."""

from __future__ import annotations

from pathlib import Path

import pytest

import controllines as cl
from controllines.report.model import build
from controllines.report.opinion import Opinion, opinion
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
