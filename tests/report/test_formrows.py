"""Rows of official forms: units in order, ridges apart, what was not measured is no zero."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import controllines as cl
from controllines.errors import UsageError
from controllines.report.formrows import rows_of
from controllines.tables import AreaTable
from tests.report.conftest import area_table

RED, FARM = "生态保护红线", "永久基本农田"


@pytest.fixture
def towns() -> AreaTable:
    """Two towns and what lies outside both; the second has no farmland, and its redline is in two rows."""
    return area_table(("township",), [
        (RED, "1", "甲镇", 5.0, np.nan), (RED, "2", "乙镇", 3.0, np.nan), (RED, "2", "乙镇", 4.0, np.nan),
        (RED, None, "范围外", 2.0, np.nan), (FARM, "1", "甲镇", 10.0, 9.0),
    ])  # fmt: skip


def test_units_stand_in_order_with_what_lies_outside_last(towns: AreaTable) -> None:
    rows = rows_of(towns, "units")
    assert len(rows) == 3
    assert rows.texts == {"code": ["1", "2", ""], "name": ["甲镇", "乙镇", "范围外"]}
    assert rows.areas[f"{RED}.area_m2"].tolist() == [5.0, 7.0, 2.0]
    assert rows.areas[f"{FARM}.net_area_m2"].tolist() == [9.0, 0.0, 0.0]
    assert rows.banners == ("合成数据，仅供演示", "规划：试县")


def test_a_unit_of_which_nothing_is_known_is_not_zero(towns: AreaTable) -> None:
    gone = pd.DataFrame({"line": [FARM], "kind": ["township"], "code": ["2"], "name": ["乙镇"]})
    rows = rows_of(dataclasses.replace(towns, missing=gone), "units")
    assert np.isnan(rows.areas[f"{FARM}.area_m2"]).tolist() == [False, True, False]
    assert not np.isnan(rows.areas[f"{RED}.area_m2"]).any()


def test_ridges_leave_the_cultivated_land_they_lie_in() -> None:
    """1 000 m² of 水浇地 with 10 % ridges: 900 m² of it, and 100 m² of 田坎 (1203)."""
    rows = rows_of(area_table(("township", "land_class", "big_class"), [
        ("现状地类", "1", "甲镇", "0601", "工业用地", None, "建设用地", 50.0, 50.0),
        ("现状地类", "1", "甲镇", "0102", "水浇地", None, "农用地", 1000.0, 900.0),
        ("现状地类", "2", "乙镇", None, None, None, None, 7.0, np.nan),
    ]), "classes")  # fmt: skip
    assert rows.texts["name"] == ["甲镇", "乙镇"]
    found = {key: areas.tolist() for key, areas in rows.areas.items()}
    assert found == {"class.0102": [900.0, 0.0], "class.1203": [100.0, 0.0], "class.0601": [50.0, 0.0],
                     "class.": [0.0, 7.0]}  # fmt: skip
    assert [(code, big) for code, _, big in rows.classes] == [
        ("0102", "农用地"), ("1203", "农用地"), ("0601", "建设用地"), ("", "地类不明")]  # fmt: skip


def test_land_of_a_project_adds_up_to_the_project(two_projects: cl.CheckResult) -> None:
    """100 × 100 m of 水浇地 and 50 × 80 m of 工业用地; the second project lies beside the land-use layer."""
    rows = rows_of(two_projects, "projects")
    assert rows.texts["project_id"] == ["P/1", "=2+2"]
    assert (rows.texts["number"], rows.texts["parcels"]) == (["1", "2"], ["2", "1"])
    land = {key: areas for key, areas in rows.areas.items() if key.startswith("land.")}
    whole = two_projects.projects["area_m2"].to_numpy()
    assert sum(land.values()) == pytest.approx(whole, rel=1e-9)
    assert land["land.cultivated"] / whole == pytest.approx([10_000 / 14_000, 0.0], abs=1e-6)
    assert land["land.建设用地"] / whole == pytest.approx([4_000 / 14_000, 0.0], abs=1e-6)
    assert land["land.unknown"] / whole == pytest.approx([0.0, 1.0], abs=1e-9)


def test_a_line_that_was_not_measured_is_no_zero(two_projects: cl.CheckResult) -> None:
    overlaps = two_projects.project_overlaps
    unknown = overlaps.assign(area_m2=overlaps["area_m2"].where(overlaps["project_id"] != "P/1"))
    rows = rows_of(dataclasses.replace(two_projects, project_overlaps=unknown), "projects")
    assert np.isnan(rows.areas["ecological_redline.area_m2"]).tolist() == [True, False]


def test_farmland_has_a_row_for_each_feature_and_parcel_that_takes_of_it(two_projects: cl.CheckResult) -> None:
    rows = rows_of(two_projects, "farmland")
    assert rows.texts["feature_id"] == ["f1", "f1"]
    assert rows.texts["village"] == ["夏村", "夏村"]
    assert rows.texts["township"] == ["", ""]  # the plan has none
    assert rows.areas["area_m2"] == pytest.approx(two_projects.pieces.query("kind == 'permanent_farmland'")["area_m2"])
    assert np.isnan(rows.areas["net_area_m2"]).all()  # without 田坎系数 net area is not known


def test_classes_of_a_check_stand_by_project_and_owner(two_projects: cl.CheckResult) -> None:
    rows = rows_of(two_projects, "classes")
    assert [name.split("　")[1] for name in rows.texts["name"]] == ["国有", "集体", "权属不明"]
    assert sum(rows.areas.values()).sum() == pytest.approx(two_projects.projects["area_m2"].sum(), rel=1e-9)


@pytest.mark.parametrize("kind", ["projects", "classes", "nothing"])
def test_a_form_that_cannot_be_made_of_that_says_so(towns: AreaTable, kind: str) -> None:
    with pytest.raises(UsageError, match="AreaTable") as caught:
        rows_of(towns, kind)
    assert (caught.value.finding.code, caught.value.finding.expected) == ("FORM_SOURCE", kind)
