"""Statistics by unit: every figure from the closed formula of the area between two parallels and two meridians."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from controllines.errors import PlanError, UsageError
from controllines.stats import tabulate
from tests.county import DIVISION, FARM, LAND, RED, TOWNS, ZONES, cell, cells, frame, plan


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


def test_by_land_class_and_township() -> None:
    assert cells("现状地类", ["乡镇", "地类"]) == pytest.approx({
        ("甲镇", "水浇地"): cell(0, 0, 4, 8), ("乙镇", "其他草地"): cell(4, 0, 7, 4),
        ("乙镇", "未知地类"): cell(4, 4, 7, 8),
    }, rel=1e-9)  # fmt: skip


def test_inside_and_outside_of_a_line_make_the_township() -> None:
    found = cells("乡镇", ["乡镇", "生态保护红线"])
    assert found[("甲镇", "线内")] == pytest.approx(cell(0, 0, 3, 2), rel=1e-9)
    assert found[("甲镇", "线内")] + found[("甲镇", "线外")] == pytest.approx(cell(0, 0, 4, 8), rel=1e-9)
    assert found[("乙镇", "线外")] == pytest.approx(cell(4, 0, 8, 8), rel=1e-9)
    assert found[("甲镇", "线内")] == pytest.approx(cells("生态保护红线", ["乡镇"])[("甲镇",)], rel=1e-12)


def test_what_there_is_none_of_is_a_zero_not_a_gap() -> None:
    table = tabulate(plan(), of="生态保护红线+永久基本农田", by="乡镇")
    assert table.frame["area_m2"].tolist() == [0.0]
    assert table.pivot()["生态保护红线+永久基本农田"].tolist() == [0.0, 0.0, 0.0]


def test_the_three_lines_together_are_their_union() -> None:
    found = cells("三线合计", ["乡镇"])
    first = cell(0, 0, 3, 2) + cell(3, 1, 4, 2) + cell(3, 3, 4, 7)
    assert found[("甲镇",)] == pytest.approx(first, rel=1e-9)
    assert found[("乙镇",)] == pytest.approx(cell(4, 3, 7, 7) + cell(4, 1, 5, 2), rel=1e-9)


def test_jurisdictions_are_columns_with_their_total() -> None:
    table = tabulate(plan(jurisdiction=DIVISION), of="永久基本农田", by=["管辖（地方、兵团）", "乡镇"])
    printed = tabulate(plan(jurisdiction=DIVISION), of="永久基本农田", by=["乡镇", "jurisdiction"]).pivot(
        line="永久基本农田"
    )
    assert list(printed.columns) == ["地方", "兵团", "合计"]
    assert list(table.pivot(line="永久基本农田").index) == ["地方", "兵团", "合计"]
    assert printed.loc["合计", "地方"] + printed.loc["合计", "兵团"] == pytest.approx(printed.loc["合计", "合计"])


def test_features_and_pieces() -> None:
    row = tabulate(plan(), of="永久基本农田", by="规划分区").frame.iloc[0]
    assert (row["features"], row["pieces"]) == (2, 2)
    many = tabulate(plan(land_use=LAND), of="现状地类", by="生态保护红线").frame
    assert many["features"].tolist() == [1, 3]  # the first patch has land on either side
    assert many["pieces"].tolist() == [2, 3]  # the two features of the line cut it in two


def test_a_county_in_another_zone_has_the_same_table() -> None:
    """The layers in longitude and latitude, with short edges so that straight means the same, and in Gauss zone 29."""

    def dense(source: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        return source.set_geometry(shapely.segmentize(source.geometry.to_numpy(), 0.0001), crs="EPSG:4490")

    layers = {"permanent_farmland": dense(FARM), "township": dense(TOWNS), "planning_zone": dense(ZONES)}
    other = {key: layer.to_crs("EPSG:4517") for key, layer in layers.items()}
    tables = [tabulate(each, of="永久基本农田", by=["乡镇", "规划分区"]).frame["area_m2"] for each in (layers, other)]
    np.testing.assert_allclose(tables[1], tables[0], rtol=1e-7)
