"""Dimensions: the label of each feature, in the order of tables, and what no list knows said and kept."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest

from controllines.classes import choices
from controllines.dimensions import Dimension, Ground, dimension_of, grounds_of, text_column
from controllines.errors import PlanError, UsageError
from controllines.stats import tabulate
from tests.county import LAND, URBAN, cell, cells, frame, plan

#: n boxes side by side: labels need no more land than that.
SIDE = [(n, 0, n + 1, 1) for n in range(8)]


def labelled(name: str, **layers: gpd.GeoDataFrame) -> Dimension:
    return dimension_of(plan(**layers), name, choices())


def of_features(one: Dimension) -> list[tuple[str | None, str | None]]:
    """The label of each feature."""
    return [one.labels[n] for n in one.place[:-1]]


def unknown(one: Dimension) -> list[str | None]:
    assert [item.code for item in one.findings] == ["CODE_UNKNOWN"] * len(one.findings)
    return [item.actual for item in one.findings]


# --- labels ---------------------------------------------------------------------------------------------------


def test_units_go_by_code_and_are_called_what_their_first_feature_is_called() -> None:
    codes, names = ["650422101", "650422100", "650422101", None], ["乙镇", "甲镇", "乙乡", "丙镇"]
    one = labelled("乡镇", township=frame(*SIDE[:4], XZQDM=codes, XZQMC=names))
    assert (one.key, one.heading) == ("township", "乡镇")
    assert one.labels == (("650422100", "甲镇"), ("650422101", "乙镇"), (None, "丙镇"), (None, "范围外"))
    assert one.place.tolist() == [1, 0, 1, 2, 3]  # the last is that of land outside all features
    assert one.parents == one.findings == ()


def test_a_line_divides_into_inside_and_outside() -> None:
    one = labelled("生态保护红线")
    assert one.labels == (("in", "线内"), ("out", "线外"))
    assert one.place.tolist() == [0, 0, 1]


def test_zones_go_by_name_first_and_know_the_zone_above() -> None:
    codes, names = ["01", "４１０", "510", "99"], ["村庄建设区", None, " 居住生活区", "自拟分区"]
    one = labelled("规划分区", planning_zone=frame(*SIDE[:4], GHFQDM=codes, GHFQMC=names))
    labels = of_features(one)
    assert labels[0] == ("510", "村庄建设区")  # the code of its name, whatever the county's
    assert labels[1] == ("410", "城镇集中建设区")  # full-width digits, the name of the list
    assert labels[2][0] == "411"
    assert labels[3] == ("99", "自拟分区")
    above = dict(zip(one.labels, one.parents, strict=True))
    assert [above[label] for label in labels] == [
        ("500", "乡村发展区"), ("400", "城镇发展区"), ("400", "城镇发展区"), (None, None),
    ]  # fmt: skip
    assert above[None, "范围外"] == (None, None)
    assert unknown(one) == ["99"]


def test_zones_of_the_first_level() -> None:
    zones = frame(*SIDE[:3], GHFQDM=["510", "500", "99"], GHFQMC=["村庄建设区", "乡村发展区", "自拟分区"])
    one = labelled("一级规划分区", planning_zone=zones)
    assert of_features(one) == [("500", "乡村发展区"), ("500", "乡村发展区"), ("99", "自拟分区")]
    assert one.parents == ()


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("地类", [("0102", "水浇地"), ("0201K", "可调整果园"), ("9999", "未知地类"), (None, None)]),
        ("一级地类", [("01", "耕地"), ("02", "种植园用地"), ("9999", "未知地类"), (None, None)]),
        ("三大类", [(None, "农用地"), (None, "农用地"), ("9999", "未知地类"), (None, None)]),
    ],
)
def test_land_classes_keep_the_codes_that_nobody_knows(name: str, labels: list[tuple[str | None, str | None]]) -> None:
    land = frame(*SIDE[:4], DLBM=["０１０２", "0201k", "9999", None], DLMC=["水浇地", "可调整果园", "未知地类", None])
    one = labelled(name, land_use=land)
    assert of_features(one) == labels
    assert unknown(one) == ["9999、空"]


def test_big_classes_stand_in_their_usual_order_with_or_without_land() -> None:
    one = labelled("三大类", land_use=frame(SIDE[0], DLBM=["0701"], DLMC=["城镇住宅用地"]))
    assert one.labels == ((None, "农用地"), (None, "建设用地"), (None, "未利用地"), (None, "范围外"))
    assert one.place.tolist() == [1, 3]


def test_owners_by_the_first_digit() -> None:
    codes = ["10", "20", "21", "30", "41", "99", None]
    one = labelled("权属性质", land_use=frame(*SIDE[:7], DLBM=["0102"] * 7, QSXZ=codes))
    state, collective = (None, "国有"), (None, "集体")
    assert of_features(one) == [state] * 3 + [collective] * 2 + [("99", None), (None, None)]
    assert one.labels[:2] == (state, collective)
    assert unknown(one) == ["99、空"]


@pytest.mark.parametrize(("mark", "name"), [("0604", "种植设施建设用地"), ("0205", "设施农用地")])
def test_planned_uses_are_named_by_the_version_that_the_codes_point_to(mark: str, name: str) -> None:
    """0604 stands in the version of 2020 only, 0205 in that of 2023; 0602 is called otherwise in each."""
    uses = frame(*SIDE[:2], YDYHFLDM=["0602", mark])
    assert of_features(labelled("规划用途", planned_use=uses))[0] == ("0602", name)
    assert unknown(labelled("规划用途", planned_use=uses)) == []


def test_planned_uses_of_the_first_level_and_the_names_of_the_layer() -> None:
    uses = frame(*SIDE[:2], YDYHFLDM=["0701", "8888"], YDYHFLMC=["城镇住宅", "自拟用地"])
    assert of_features(labelled("规划用途分类", planned_use=uses)) == [("0701", "城镇住宅"), ("8888", "自拟用地")]
    assert of_features(labelled("一级规划用途分类", planned_use=uses)) == [("07", "居住用地"), ("8888", "自拟用地")]


def test_any_column_whatever_its_case_a_blank_is_a_label_too() -> None:
    land = frame(*SIDE[:3], DLBM=["0102"] * 3, Zz=["乙", None, "甲"])
    one = labelled("现状地类：ZZ", land_use=land)
    assert (one.key, one.heading) == ("land_use:ZZ", "ZZ")
    assert one.labels == ((None, "乙"), (None, "甲"), (None, None), (None, "范围外"))
    assert of_features(one) == [(None, "乙"), (None, None), (None, "甲")]


def test_many_unknown_codes_are_counted_not_all_listed() -> None:
    codes = [f"99{n:02}" for n in range(10)]
    boxes = [(n / 10, 0, n / 10 + 0.1, 1) for n in range(10)]
    (said,) = unknown(labelled("地类", land_use=frame(*boxes, DLBM=codes)))
    assert said == "、".join(codes[:8]) + " 等 10 种"


def test_a_column_of_codes_is_blank_where_there_is_none() -> None:
    layer = plan(land_use=frame(*SIDE[:2], DLBM=["0102"] * 2, QSXZ=["２０", None])).layers["land_use"]
    assert text_column(layer, "QSXZ").tolist() == ["20", ""]
    assert text_column(layer, "QSDWMC").tolist() == ["", ""]


# --- what is counted ------------------------------------------------------------------------------------------


def grounds(name: str) -> list[Ground]:
    return list(grounds_of(plan(urban_boundary=URBAN), name))


def shape(ground: Ground) -> list[list[tuple[str, list[bool]]]]:
    """Kind and features of each term of each set."""
    return [[(term.layer.kind.key, term.mask.tolist()) for term in terms] for terms in ground.sets]


def test_a_line_is_all_of_its_features() -> None:
    (ground,) = grounds("生态保护红线")
    assert ground.name == "生态保护红线"
    assert shape(ground) == [[("ecological_redline", [True, True])]]


def test_a_class_is_the_features_that_have_it() -> None:
    (ground,) = grounds("城镇开发边界：特别用途区")
    assert ground.name == "城镇开发边界:特别用途区"
    assert shape(ground) == [[("urban_boundary", [False, True])]]
    assert [one.name for one in grounds("城镇开发边界:*")] == ["城镇开发边界:城镇集中建设区", "城镇开发边界:特别用途区"]


def test_in_several_at_once_is_one_set_and_a_union_is_several() -> None:
    (both,) = grounds("生态保护红线 ＋ 城镇开发边界:特别用途区")
    assert both.name == "生态保护红线+城镇开发边界:特别用途区"
    assert shape(both) == [[("ecological_redline", [True, True]), ("urban_boundary", [False, True])]]
    (union,) = grounds("三线合计")
    assert [[kind for kind, _ in terms] for terms in shape(union)] == [
        ["ecological_redline"], ["permanent_farmland"], ["urban_boundary"],
    ]  # fmt: skip


def test_a_unit_is_chosen_by_its_name() -> None:
    (ground,) = grounds("乡镇:乙镇")
    assert shape(ground) == [[("township", [False, True])]]


@pytest.mark.parametrize(
    ("name", "error", "code", "told"),
    [("城镇开发边界:弹性", UsageError, "CLASS_UNKNOWN", "城镇集中建设区、特别用途区"),
     ("红线", UsageError, "KIND_UNKNOWN", "生态保护红线"), ("现状地类", PlanError, "PLAN_LACKS_LAYER", "生态保护红线"),
     ("生态保护红线+", UsageError, "KIND_UNKNOWN", "生态保护红线")],
)  # fmt: skip
def test_what_cannot_be_counted_is_told_what_can(name: str, error: type[Exception], code: str, told: str) -> None:
    with pytest.raises(error, match=code) as raised:
        grounds(name)
    assert told in str(raised.value)


# --- as far as the table --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "by", "code"),
    [("红线", "乡镇", "KIND_UNKNOWN"), ("生态保护红线", "街道", "DIMENSION_UNKNOWN"),
     ("生态保护红线", "现状地类:DLMC", "PLAN_LACKS_LAYER")],
)  # fmt: skip
def test_unknown_kinds_list_the_known_ones(of: str, by: str, code: str) -> None:
    with pytest.raises((UsageError, PlanError), match=code) as raised:
        tabulate(plan(), of=of, by=by)
    assert "生态保护红线" in str(raised.value.finding)


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


def test_combinations_and_classes_of_lines() -> None:
    assert cells("生态保护红线+城镇开发边界", ["乡镇"]) == pytest.approx({("甲镇",): cell(2, 1, 3, 2)}, rel=1e-9)
    assert cells("城镇开发边界:特别用途区", ["乡镇"]) == pytest.approx({("乙镇",): cell(4, 1, 5, 2)}, rel=1e-9)
    table = tabulate(plan(urban_boundary=URBAN), of="城镇开发边界:*", by="乡镇")
    assert table.frame["line"].tolist() == ["城镇开发边界:城镇集中建设区", "城镇开发边界:特别用途区"]
    with pytest.raises(UsageError, match="CLASS_UNKNOWN") as raised:
        tabulate(plan(urban_boundary=URBAN), of="城镇开发边界:弹性", by="乡镇")
    assert "特别用途区" in raised.value.finding.fix


def test_a_second_level_zone_carries_its_parent_and_goes_by_its_name() -> None:
    zones = frame((0, 0, 8, 4), (0, 4, 8, 8), GHFQDM=["01", "99"], GHFQMC=["村庄建设区", "自拟分区"])
    table = tabulate(plan(planning_zone=zones), of="永久基本农田", by="规划分区")
    rows = table.frame[["planning_zone_code", "planning_zone", "planning_zone_parent_code", "planning_zone_parent"]]
    assert rows.iloc[0].tolist() == ["510", "村庄建设区", "500", "乡村发展区"]
    assert rows.iloc[1].tolist() == ["99", "自拟分区", None, None]
    assert any("99" in item["message"] for item in table.provenance["findings"])
    first = tabulate(plan(planning_zone=zones), of="永久基本农田", by="一级规划分区").frame
    assert first["planning_zone_1"].tolist()[:2] == ["乡村发展区", "自拟分区"]
