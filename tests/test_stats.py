"""Statistics by unit: every figure from the closed formula of the area between two parallels and two meridians."""

from __future__ import annotations

import math
from dataclasses import replace

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


@pytest.mark.parametrize(
    ("of", "by", "code"),
    [("红线", "乡镇", "KIND_UNKNOWN"), ("生态保护红线", "街道", "DIMENSION_UNKNOWN"),
     ("生态保护红线", "现状地类:DLMC", "PLAN_LACKS_LAYER")],
)  # fmt: skip
def test_unknown_kinds_list_the_known_ones(of: str, by: str, code: str) -> None:
    with pytest.raises((UsageError, PlanError), match=code) as raised:
        tabulate(plan(), of=of, by=by)
    assert "生态保护红线" in str(raised.value.finding)


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


#: land use: one patch of an unknown code; one that lies in both townships; the last 1 × 8 has no land use
LAND = frame((0, 0, 4, 8), (4, 0, 7, 4), (4, 4, 7, 8), BSM=["1", "2", "3"], DLBM=["0102", "0404", "9999"],
             DLMC=["水浇地", "其他草地", "未知地类"], KCXS=[0.1, 0, 0],
             QSXZ=["20", "30", "30"], ZZ=["甲", "乙", "甲"])  # fmt: skip
URBAN = frame((2, 1, 4, 2), (4, 1, 5, 2), BSM=["u1", "u2"], GHFQMC=["城镇集中建设区", "特别用途区"])
DIVISION = frame((0, 0, 5, 8), (5, 0, 9, 8), GXDM=["1", "2"], GXMC=["地方", "兵团"])


def cells(of: str, by: list[str], **replaced: gpd.GeoDataFrame) -> dict[tuple[str, ...], float]:
    table = tabulate(plan(land_use=LAND, urban_boundary=URBAN, jurisdiction=DIVISION, **replaced), of=of, by=by)
    return {tuple(row[:-1]): row[-1] for row in table.frame[[*table.by, "area_m2"]].itertuples(index=False)}


def test_by_land_class_and_township() -> None:
    assert cells("现状地类", ["乡镇", "地类"]) == pytest.approx({
        ("甲镇", "水浇地"): cell(0, 0, 4, 8), ("乙镇", "其他草地"): cell(4, 0, 7, 4),
        ("乙镇", "未知地类"): cell(4, 4, 7, 8),
    }, rel=1e-9)  # fmt: skip


def test_levels_of_land_classes_and_a_code_that_nobody_knows() -> None:
    assert list(cells("现状地类", ["一级地类"])) == [("耕地",), ("草地",), ("未知地类",)]
    assert cells("现状地类", ["三大类"]) == pytest.approx({
        ("农用地",): cell(0, 0, 4, 8), ("未利用地",): cell(4, 0, 7, 4), ("未知地类",): cell(4, 4, 7, 8),
    }, rel=1e-9)  # fmt: skip
    table = tabulate(plan(land_use=LAND), of="现状地类", by="地类")
    assert table.frame["land_class_code"].tolist() == ["0102", "0404", "9999"]
    (found,) = [item for item in table.provenance["findings"] if item["code"] == "CODE_UNKNOWN"]
    assert "9999" in found["message"]
    np.testing.assert_allclose(table.frame["net_area_m2"] / table.frame["area_m2"], [0.9, 1, 1])


def test_a_disputed_class_goes_where_the_county_says() -> None:
    chosen = plan(land_use=LAND)
    ours = replace(chosen, spec=chosen.spec.model_copy(update={"big_classes": {"0404": "农用地"}}))
    table = tabulate(ours, of="现状地类", by="三大类")
    assert table.frame["big_class"].tolist() == ["农用地", "未知地类"]
    assert table.provenance["big_classes"]["0404"] == "农用地"


def test_by_owner_and_by_any_column() -> None:
    assert list(cells("现状地类", ["权属性质"])) == [("国有",), ("集体",)]
    both = cell(0, 0, 4, 8) + cell(4, 4, 7, 8)
    assert cells("现状地类", ["现状地类:ZZ"])[("甲",)] == pytest.approx(both, rel=1e-9)
    with pytest.raises(UsageError, match="FIELD_MISSING"):
        cells("现状地类", ["现状地类:没有"])


def test_inside_and_outside_of_a_line_make_the_township() -> None:
    found = cells("乡镇", ["乡镇", "生态保护红线"])
    assert found[("甲镇", "线内")] == pytest.approx(cell(0, 0, 3, 2), rel=1e-9)
    assert found[("甲镇", "线内")] + found[("甲镇", "线外")] == pytest.approx(cell(0, 0, 4, 8), rel=1e-9)
    assert found[("乙镇", "线外")] == pytest.approx(cell(4, 0, 8, 8), rel=1e-9)
    assert found[("甲镇", "线内")] == pytest.approx(cells("生态保护红线", ["乡镇"])[("甲镇",)], rel=1e-12)


def test_combinations_and_classes_of_lines() -> None:
    assert cells("生态保护红线+城镇开发边界", ["乡镇"]) == pytest.approx({("甲镇",): cell(2, 1, 3, 2)}, rel=1e-9)
    assert cells("城镇开发边界:特别用途区", ["乡镇"]) == pytest.approx({("乙镇",): cell(4, 1, 5, 2)}, rel=1e-9)
    table = tabulate(plan(urban_boundary=URBAN), of="城镇开发边界:*", by="乡镇")
    assert table.frame["line"].tolist() == ["城镇开发边界:城镇集中建设区", "城镇开发边界:特别用途区"]
    with pytest.raises(UsageError, match="CLASS_UNKNOWN") as raised:
        tabulate(plan(urban_boundary=URBAN), of="城镇开发边界:弹性", by="乡镇")
    assert "特别用途区" in raised.value.finding.fix


def test_what_there_is_none_of_is_a_zero_not_a_gap() -> None:
    table = tabulate(plan(), of="生态保护红线+永久基本农田", by="乡镇")
    assert table.frame["area_m2"].tolist() == [0.0]
    assert table.pivot()["生态保护红线+永久基本农田"].tolist() == [0.0, 0.0, 0.0]


def test_the_three_lines_together_are_their_union() -> None:
    found = cells("三线合计", ["乡镇"])
    first = cell(0, 0, 3, 2) + cell(3, 1, 4, 2) + cell(3, 3, 4, 7)
    assert found[("甲镇",)] == pytest.approx(first, rel=1e-9)
    assert found[("乙镇",)] == pytest.approx(cell(4, 3, 7, 7) + cell(4, 1, 5, 2), rel=1e-9)


def test_a_second_level_zone_carries_its_parent_and_goes_by_its_name() -> None:
    zones = frame((0, 0, 8, 4), (0, 4, 8, 8), GHFQDM=["01", "99"], GHFQMC=["村庄建设区", "自拟分区"])
    table = tabulate(plan(planning_zone=zones), of="永久基本农田", by="规划分区")
    rows = table.frame[["planning_zone_code", "planning_zone", "planning_zone_parent_code", "planning_zone_parent"]]
    assert rows.iloc[0].tolist() == ["510", "村庄建设区", "500", "乡村发展区"]
    assert rows.iloc[1].tolist() == ["99", "自拟分区", None, None]
    assert any("99" in item["message"] for item in table.provenance["findings"])
    first = tabulate(plan(planning_zone=zones), of="永久基本农田", by="一级规划分区").frame
    assert first["planning_zone_1"].tolist()[:2] == ["乡村发展区", "自拟分区"]


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


def test_every_difference_is_named() -> None:
    table = tabulate(plan(land_use=LAND), of=["现状地类", "永久基本农田"], by="乡镇")
    named = {(row.line, row.kind, row.layer, row.name): row.area_m2 for row in table.balance.itertuples(index=False)}
    assert named == pytest.approx({
        ("现状地类", "空隙", "乡镇", "乙镇"): cell(7, 0, 8, 8),
        ("永久基本农田", "重叠", "永久基本农田", None): cell(5, 3, 6, 7),
        ("永久基本农田", "范围外", "乡镇", None): cell(8, 0, 9, 1),
    }, rel=1e-6)  # fmt: skip
    codes = [item["code"] for item in table.provenance["findings"]]
    assert codes.count("TABLE_DIFFERENCE") == 3
    assert "TABLE_BALANCE" not in codes


def test_units_without_data_say_so() -> None:
    land = LAND.iloc[1:]
    table = tabulate(plan(land_use=land), of="现状地类", by="乡镇")
    assert table.missing[["line", "kind", "name"]].to_numpy().tolist() == [["现状地类", "township", "甲镇"]]
    printed = table.pivot(line="现状地类")["现状地类"]
    assert math.isnan(printed["甲镇"])
    assert printed["乙镇"] > 0
    assert "—" in table._repr_html_()


def test_a_county_in_another_zone_has_the_same_table() -> None:
    """The layers in longitude and latitude, with short edges so that straight means the same, and in Gauss zone 29."""

    def dense(source: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        return source.set_geometry(shapely.segmentize(source.geometry.to_numpy(), 0.0001), crs="EPSG:4490")

    layers = {"permanent_farmland": dense(FARM), "township": dense(TOWNS), "planning_zone": dense(ZONES)}
    other = {key: layer.to_crs("EPSG:4517") for key, layer in layers.items()}
    tables = [tabulate(each, of="永久基本农田", by=["乡镇", "规划分区"]).frame["area_m2"] for each in (layers, other)]
    np.testing.assert_allclose(tables[1], tables[0], rtol=1e-7)
