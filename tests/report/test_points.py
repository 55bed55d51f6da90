"""Corner points: in the form while they are few, else in the workbook, else in the file."""

from __future__ import annotations

import math
from pathlib import Path

import openpyxl
import pytest

import controllines as cl
from controllines.report import FormOptions, forms, points
from controllines.report.points import corners_of
from tests.builders import here, make_plan, parcels
from tests.report.readback import texts


def ring_of(count: int) -> list[tuple[float, float]]:
    """A circle of so many points, 100 m around (3000, 0)."""
    return [(3000 + 100 * math.cos(2 * math.pi * n / count), 100 * math.sin(2 * math.pi * n / count))
            for n in range(count)]  # fmt: skip


def test_many_corner_points_go_into_the_workbook_or_stay_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "_picture", lambda *_: (None, []))
    plan = make_plan(permanent_farmland=[here(50, -10, 400, 400)])
    land = parcels(here(*ring_of(99)), here(*ring_of(100)), XMBH=["A", "B"])
    checked = cl.check(land, plan, as_of="2026-11-21")
    cl.write_report(checked, tmp_path / "out", formats=["docx", "xlsx"], form=FormOptions(docx_for="all"))
    few, many = (texts(tmp_path / "out" / "核对表" / f"{name}.docx") for name in ("A", "B"))
    assert "J99" in few
    assert "J100" not in many
    assert "界址点共101个，超过100个，见“三线核对汇总表.xlsx”的“界址点”表" in many
    rows = [
        [cell.value for cell in row]
        for row in openpyxl.load_workbook(tmp_path / "out" / "三线核对汇总表.xlsx")["界址点"]
    ]
    mine = [row for row in rows if row[0] == "B"]
    assert len(mine) == 101
    # the first point as it was handed in, to the millimetre, and the edge of a regular polygon of 100 sides
    assert mine[0][2:] == ["1", "J1", 4_738_000.0, 30_388_100.0, 6.28]
    assert mine[-1][3:] == ["J1", 4_738_000.0, 30_388_100.0, ""]
    assert not [row for row in rows if row[0] == "A"]
    cl.write_report(checked, tmp_path / "two", formats=["docx"], form=FormOptions(docx_for="all"))
    assert "J100" in texts(tmp_path / "two" / "核对表" / "B.docx")


def test_points_are_printed_with_the_decimals_handed_in(two_projects: cl.CheckResult) -> None:
    """A box of 100 × 100 m, drawn from its south-eastern corner; X is north."""
    found = corners_of(two_projects)
    assert found.axes == ("X（北，米）", "Y（东，米）")
    printed = [(p.ring, p.name, p.x.text, p.y.text, p.edge.text) for p in found.of("a")]
    north, east = ("4738000.000", "4738100.000"), ("30385000.000", "30385100.000")
    assert printed == [
        ("1", "J1", north[0], east[1], "100.00"), ("1", "J2", north[1], east[1], "100.00"),
        ("1", "J3", north[1], east[0], "100.00"), ("1", "J4", north[0], east[0], "100.00"),
        ("1", "J1", north[0], east[1], ""),
    ]  # fmt: skip
    assert found.of("nothing") == []


def test_points_of_some_parcels_are_counted_together(two_projects: cl.CheckResult, monkeypatch) -> None:
    found = corners_of(two_projects)
    assert found.counts == {"a": 5, "b": 5, "c": 5}
    assert (found.count(["a", "c"]), found.count([]), found.count(["nothing"])) == (10, 0, 0)
    monkeypatch.setattr(points, "FEW", 10)
    assert found.few(["a", "c"])
    assert not found.few(["a", "b", "c"])


def test_a_parcel_with_too_many_points_is_counted_but_not_listed(two_projects: cl.CheckResult, monkeypatch) -> None:
    monkeypatch.setattr(points, "MOST", 4)
    found = corners_of(two_projects)
    assert found.count("abc") == 15
    assert (found.of("a"), len(found.frame)) == ([], 0)


def test_a_result_without_its_applications_has_no_points(result) -> None:
    assert result.applications is None
    found = corners_of(result)
    assert (found.counts, found.of("TKX-001"), found.few(["TKX-001"])) == ({}, [], True)
