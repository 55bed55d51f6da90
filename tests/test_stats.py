"""Statistics by unit: every figure from the closed formula of the area between two parallels and two meridians."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from controllines.errors import PlanError, UsageError
from controllines.plans import Plan, open_plan
from controllines.stats import tabulate

WEST, SOUTH = 88.5, 42.8
Cell = tuple[float, float, float, float]


def frame(*boxes: Cell, **columns: list[object]) -> gpd.GeoDataFrame:
    """Boxes in thousandths of a degree from (88.5, 42.8)."""
    shapes = [shapely.box(WEST + w / 1000, SOUTH + s / 1000, WEST + e / 1000, SOUTH + n / 1000) for w, s, e, n in boxes]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4490")


def cell(w: float, s: float, e: float, n: float) -> float:
    """Area (m²) of a box on the CGCS2000 ellipsoid: b²/2 · Δλ · [q(φ)], the published closed form."""
    a, f = 6378137.0, 1 / 298.257222101
    e2 = 2 * f - f * f

    def zone(lat: float) -> float:
        sine = math.sin(math.radians(lat))
        root = math.sqrt(e2)
        return sine / (1 - e2 * sine**2) + math.atanh(root * sine) / root

    width = math.radians((e - w) / 1000)
    return a * a * (1 - e2) / 2 * width * (zone(SOUTH + n / 1000) - zone(SOUTH + s / 1000))


#: townships: west and east of 4; zones: south and north of 4; the farmland reaches beyond both
TOWNS = frame((0, 0, 4, 8), (4, 0, 8, 8), XZQDM=["650422100", "650422101"], XZQMC=["甲镇", "乙镇"])
ZONES = frame((0, 0, 8, 4), (0, 4, 8, 8), GHFQDM=["100", "200"], GHFQMC=["生态保护区", "农田保护区"])
#: 3…7 × 3…7 twice over from 5 on (row 2 overlaps row 1 and has the smaller KCXS), and 8…9 × 0…1 outside everything
FARM = frame(
    (3, 3, 6, 7), (5, 3, 7, 7), (8, 0, 9, 1), BSM=["f1", "f2", "f3"], DLBM=["0102"] * 3, KCXS=[0.10, 0.04, 0.0]
)
RED = frame((0, 0, 2, 2), (1, 0, 3, 2), BSM=["r1", "r2"], LHLX=["a", "b"])  # 3 × 2 once


def plan(**replaced: gpd.GeoDataFrame) -> Plan:
    layers = {"ecological_redline": RED, "permanent_farmland": FARM, "township": TOWNS, "planning_zone": ZONES}
    return open_plan(layers | replaced)


@pytest.fixture(scope="module")
def farm() -> pd.DataFrame:
    table = tabulate(plan(), of=["永久基本农田"], by=["乡镇", "规划分区"])
    return table.frame.set_index(["township", "planning_zone"])


EXPECTED = {
    ("甲镇", "生态保护区"): [(3, 3, 4, 4)],
    ("甲镇", "农田保护区"): [(3, 4, 4, 7)],
    ("乙镇", "生态保护区"): [(4, 3, 7, 4)],
    ("乙镇", "农田保护区"): [(4, 4, 7, 7)],
    ("范围外", "范围外"): [(8, 0, 9, 1)],
}
#: land under two features takes the smaller KCXS: 5…6 counts as row 2
NET = {
    ("甲镇", "生态保护区"): 0.90 * cell(3, 3, 4, 4),
    ("甲镇", "农田保护区"): 0.90 * cell(3, 4, 4, 7),
    ("乙镇", "生态保护区"): 0.90 * cell(4, 3, 5, 4) + 0.96 * cell(5, 3, 7, 4),
    ("乙镇", "农田保护区"): 0.90 * cell(4, 4, 5, 7) + 0.96 * cell(5, 4, 7, 7),
    ("范围外", "范围外"): cell(8, 0, 9, 1),
}


def test_every_cell_has_its_area(farm: pd.DataFrame) -> None:
    assert list(farm.index) == list(EXPECTED)  # by code; outside last
    for key, boxes in EXPECTED.items():
        assert farm.loc[key, "area_m2"] == pytest.approx(sum(cell(*box) for box in boxes), rel=1e-9), key


def test_net_area_of_land_under_two_features_takes_the_smaller_kcxs(farm: pd.DataFrame) -> None:
    for key, net in NET.items():
        assert farm.loc[key, "net_area_m2"] == pytest.approx(net, rel=1e-9), key


def test_land_outside_all_units_has_no_code(farm: pd.DataFrame) -> None:
    assert farm.loc[("范围外", "范围外"), ["township_code", "planning_zone_code"]].isna().all()
    assert farm.loc[("甲镇", "生态保护区"), "township_code"] == "650422100"


def test_planar_area_is_larger_away_from_the_meridian(farm: pd.DataFrame) -> None:
    """89.0…: zone 30's middle is 90°E, 1.5° east of this land; the Gauss plane stretches by y²/2R² both ways."""
    y = math.radians(1.5 - 0.005) * math.cos(math.radians(42.805)) * 6_378_137
    stretched = farm["planar_area_m2"] / farm["area_m2"] - 1
    np.testing.assert_allclose(stretched, (y / 6_371_000) ** 2, rtol=0.02)


def test_a_line_that_overlaps_itself_counts_once() -> None:
    table = tabulate(plan(), of="生态保护红线", by="乡镇")
    assert table.frame["area_m2"].tolist() == pytest.approx([cell(0, 0, 3, 2)], rel=1e-9)


def test_rows_add_up_to_the_line_whatever_the_units() -> None:
    whole = cell(3, 3, 7, 7) + cell(8, 0, 9, 1)
    for by in (["乡镇"], ["规划分区"], ["规划分区", "乡镇"], ["乡镇", "规划分区"]):
        assert tabulate(plan(), of=["永久基本农田"], by=by).frame["area_m2"].sum() == pytest.approx(whole, rel=1e-9)


def test_units_that_overlap_count_land_once() -> None:
    towns = frame((0, 0, 5, 8), (4, 0, 8, 8), XZQDM=["650422100", "650422101"], XZQMC=["甲镇", "乙镇"])
    found = tabulate(plan(township=towns), of=["永久基本农田"], by=["乡镇"]).frame.set_index("township")["area_m2"]
    assert found["甲镇"] == pytest.approx(cell(3, 3, 5, 7), rel=1e-9)  # the first by row gets the shared strip
    assert found["乙镇"] == pytest.approx(cell(5, 3, 7, 7), rel=1e-9)


def test_a_unit_of_several_features_is_one_row() -> None:
    towns = frame((0, 0, 4, 4), (4, 0, 8, 8), (0, 4, 4, 8), XZQDM=["650422100", "650422101", "650422100"],
                  XZQMC=["甲镇", "乙镇", "甲镇"])  # fmt: skip
    frames = [tabulate(plan(township=t), of=["永久基本农田"], by=["乡镇"]).frame for t in (TOWNS, towns)]
    assert frames[0]["township"].tolist() == frames[1]["township"].tolist() == ["甲镇", "乙镇", "范围外"]
    np.testing.assert_allclose(frames[0]["area_m2"], frames[1]["area_m2"], rtol=1e-12)


def test_two_units_of_one_name_stay_apart() -> None:
    towns = frame((0, 0, 4, 8), (4, 0, 8, 8), XZQDM=["650422100", "650422101"], XZQMC=["团场", "团场"])
    table = tabulate(plan(township=towns), of=["永久基本农田"], by=["乡镇"])
    assert table.frame["township_code"].iloc[:2].tolist() == ["650422100", "650422101"]
    printed = table.pivot(line="永久基本农田")
    assert len(printed) == 4  # two of one name, outside, total


def test_chinese_and_english_names_are_the_same() -> None:
    chinese = tabulate(plan(), of=["永久基本农田", "生态保护红线"], by=["乡镇", "规划分区"])
    english = tabulate(plan(), of=["permanent_farmland", "ecological_redline"], by=["township", "planning_zone"])
    pd.testing.assert_frame_equal(chinese.frame, english.frame)
    assert chinese.by == ("township", "planning_zone")
    assert chinese.headings == {"township": "乡镇", "planning_zone": "规划分区"}


@pytest.mark.parametrize(
    ("kcxs", "dlbm", "expected"), [(None, "0102", None), (1.0, "0102", None), (None, "0201", 1.0), (0.0, "0102", 1.0)]
)
def test_net_area_is_null_where_kcxs_does_not_say(kcxs: float | None, dlbm: str, expected: float | None) -> None:
    farm = frame((1, 1, 2, 2), BSM=["f1"], DLBM=[dlbm], KCXS=[kcxs])
    (net,) = tabulate(plan(permanent_farmland=farm), of=["永久基本农田"], by=["乡镇"]).frame["net_area_m2"]
    assert math.isnan(net) if expected is None else net == pytest.approx(expected * cell(1, 1, 2, 2), rel=1e-9)


def test_lines_without_kcxs_have_no_net_area() -> None:
    assert tabulate(plan(), of=["生态保护红线"], by=["乡镇"]).frame["net_area_m2"].isna().all()


@pytest.mark.parametrize(("of", "by"), [(["红线"], ["乡镇"]), (["生态保护红线"], ["街道"])])
def test_unknown_kinds_list_the_known_ones(of: list[str], by: list[str]) -> None:
    with pytest.raises(UsageError, match="KIND_UNKNOWN") as raised:
        tabulate(plan(), of=of, by=by)
    assert "生态保护红线" in raised.value.finding.fix


@pytest.mark.parametrize(("of", "by"), [([], ["乡镇"]), (["生态保护红线"], [])])
def test_nothing_to_count(of: list[str], by: list[str]) -> None:
    with pytest.raises(UsageError, match="TABULATE_EMPTY"):
        tabulate(plan(), of=of, by=by)


def test_a_plan_without_the_layer_says_what_it_has() -> None:
    with pytest.raises(PlanError, match="PLAN_LACKS_LAYER") as raised:
        tabulate(plan(), of=["城镇开发边界"], by=["乡镇"])
    assert "生态保护红线" in raised.value.finding.message


def test_a_layer_that_failed_is_an_error_not_an_empty_table() -> None:
    with pytest.raises(PlanError, match="PLAN_LAYER_FAILED"):
        tabulate({"ecological_redline": "没有.gpkg", "township": TOWNS}, of=["生态保护红线"], by=["乡镇"])


def test_features_set_aside_are_named_as_unmeasured() -> None:
    red = gpd.GeoDataFrame({"BSM": ["a", "b"]}, geometry=[RED.geometry[0], None], crs="EPSG:4490")
    table = tabulate(plan(ecological_redline=red), of=["生态保护红线", "永久基本农田"], by=["乡镇"])
    assert table.provenance["unmeasured"] == ["生态保护红线"]
    assert tabulate(plan(), of=["生态保护红线"], by=["乡镇"]).provenance["unmeasured"] == []
