"""Official fields, code lists and recorded areas: everything is said, nothing is changed."""

import numpy as np
import pandas as pd
import pytest

from controllines.area import planar_area, planar_by_scale
from controllines.crs import recognise
from controllines.pipeline import check
from controllines.plans import open_plan
from tests.builders import COUNTY, FARM, RED, codes, dense, here, layer, make_plan, official, parcels, shifted

SQUARES = [here(0, 0, 100, 100), here(200, 0, 400, 100), here(500, 0, 900, 300)]
M2 = [official(square) for square in SQUARES]


def patches(**columns):
    """Three patches of DLTB without fault; ``columns`` replace or, with None, remove."""
    whole = {
        "BSM": [f"6504221001{n:08d}" for n in (1, 2, 3)], "YSDM": ["2001010100"] * 3, "DLBM": ["0102", "0601", "0404"],
        "DLMC": ["水浇地", "工业用地", "其他草地"], "TBMJ": np.round(M2, 2), "KCXS": [0.0, 0.0, 0.0],
        "TBDLMJ": np.round(M2, 2),
    }  # fmt: skip
    whole |= columns
    return layer(SQUARES, **{name: values for name, values in whole.items() if values is not None})


def said(frame, kind="land_use", **more):
    """Findings of one layer, without what is said of every layer of these tests."""
    plan = open_plan({"county": layer([COUNTY], XZQDM=["650422"], XZQMC=["托克逊县"]), kind: frame} | more)
    return {item.code: item for item in plan.layers[kind].findings}


def planned(codes_, names=None):
    more = {} if names is None else {"YDYHFLMC": names}
    geoms = [here(n * 100, 0, n * 100 + 50, 50) for n in range(len(codes_))]
    return layer(geoms, BSM=[f"6504222001{n:08d}" for n in range(len(codes_))], YDYHFLDM=codes_, **more)


def test_a_faultless_layer_only_says_that_its_areas_agree():
    found = said(patches())
    assert set(found) == {"AREA_RECORDED"}
    assert found["AREA_RECORDED"].severity == "info"


@pytest.mark.parametrize(
    ("columns", "code", "words"),
    [
        ({"DLMC": None}, "FIELDS_ABSENT", ["DLMC", "DLTB"]),
        ({"BSM": ["650422100100000001"] * 2 + ["650422100100000003"]}, "FIELD_NOT_UNIQUE", ["BSM", "2 个要素"]),
        ({"BSM": ["65042210010001", "650422100100000002", "650422100100000003"]}, "FIELD_LENGTH", ["18", "1 个要素"]),
        ({"BSM": [1, 2, 3]}, "FIELD_TYPE", ["BSM", "文本", "int64"]),
        ({"TBMJ": ["一亩", "20000", "120000"]}, "FIELD_TYPE", ["TBMJ", "数值", "1 个要素"]),
        ({"DLBM": ["0102", None, " "]}, "FIELD_BLANK", ["DLBM", "2 个要素"]),
        ({"DLBM": ["0102", "9999", "9999"]}, "CODE_UNKNOWN", ["9999（2 个）", "三调工作分类"]),
        ({"DLBM": ["０１０２", "0601", "0404"]}, "CODE_FULL_WIDTH", ["DLBM", "1 个要素"]),
        ({"DLMC": ["旱地", "工业", "其他草地"]}, "CODE_NAME_MISMATCH", ["0102 记为“旱地”（1 个），应为水浇地"]),
        ({"KCXS": [12.5, 0, 0]}, "KCXS_FIELD", ["1 个要素", "650422100100000001"]),
        ({"KCXS": [-0.1, 1.0, 0]}, "KCXS_FIELD", ["2 个要素"]),
        ({"KCXS": [None, None, None]}, "KCXS_BLANK", ["1 个要素"]),  # of the three only 0102 is cultivated
    ],
)
def test_each_fault_has_its_code(columns, code, words):
    found = said(patches(**columns))
    assert code in found
    assert not set(words) - {word for word in words if word in found[code].message}, found[code].message
    assert found[code].fix


def test_hearsay_is_information():
    """That TBBH has 8 places is general knowledge (K); that BSM has 18 was seen in tools (V-code)."""
    found = said(patches(TBBH=["123456789", "1", "2"]))
    assert (found["FIELD_LENGTH"].severity, found["FIELD_LENGTH"].feature) == ("info", "650422100100000001")
    assert said(patches(BSM=["1", "2", "3"]))["FIELD_LENGTH"].severity == "warning"


def test_full_width_codes_and_longer_codes_are_known():
    assert "CODE_UNKNOWN" not in said(patches(DLBM=["０１０２", "0201K", "1104A"], DLMC=None))
    assert "CODE_UNKNOWN" not in said(planned(["060201", "120201", "1801", "16"]), "planned_use")
    assert "1299" in said(planned(["1299", "0101"]), "planned_use")["CODE_UNKNOWN"].message


def test_full_width_codes_count_as_plain_ones():
    """On cultivated land a missing KCXS leaves the net area unknown, however its code was typed."""
    frame = layer([SQUARES[0]], BSM=["f1"], DLBM=["０１０２"], KCXS=[None])
    result = check(parcels(SQUARES[0]), make_plan(**{FARM: frame}), as_of="2026-11-21")
    assert result.pieces["class"].tolist() == ["0102"]
    assert np.isnan(result.overlaps.set_index("kind").loc[FARM, "net_area_m2"])
    assert {"KCXS_BLANK", "CODE_FULL_WIDTH"} <= codes(result)


def test_an_unknown_code_changes_no_total():
    farm = [here(0, 0, 60, 100), here(60, 0, 100, 100)]
    areas = []
    for classes in (["0102", "0103"], ["7777", "0103"]):
        frame = layer(farm, BSM=["f1", "f2"], DLBM=classes, KCXS=[0.1, 0.1])
        result = check(parcels(SQUARES[0]), make_plan(**{FARM: frame}), as_of="2026-11-21")
        row = result.overlaps.set_index("kind").loc[FARM]
        areas.append((row["area_m2"], row["net_area_m2"]))
        assert ("CODE_UNKNOWN" in codes(result)) == (classes[0] == "7777")
    assert areas[0] == areas[1]


def test_a_layer_without_official_fields_is_said_once():
    found = said(layer(SQUARES, 编号=["a", "b", "c"]))
    assert set(found) == {"FIELDS_NOT_OFFICIAL"}
    assert found["FIELDS_NOT_OFFICIAL"].severity == "info"


# --- versions of the classification, planning zones -------------------------------------------------------------


def test_the_version_is_stated():
    assert "2023" in said(planned(["0205", "0101"]), "planned_use")["CLASS_VERSION"].message
    assert said(planned(["0205", "0101"]), "planned_use")["CLASS_VERSION"].severity == "info"
    assert "2020 试行" in said(planned(["0603", "0101"]), "planned_use")["CLASS_VERSION"].message
    assert said(planned(["0101"]), "planned_use")["CLASS_VERSION_UNKNOWN"].severity == "warning"
    assert "CLASS_VERSION_MIXED" in said(planned(["0205", "0603"]), "planned_use")
    assert "CODE_NAME_MISMATCH" not in said(planned(["1207", "1207"], ["城镇道路用地", "城镇村道路"]), "planned_use")


def zones(codes_, names):
    return layer(SQUARES, BSM=[f"6504222002{n:08d}" for n in (1, 2, 3)], GHFQDM=codes_, GHFQMC=names)


def test_planning_zones_by_name_first():
    """01/02/03 is another coding that is seen: the names are official, so nothing is unknown."""
    other = said(zones(["01", "02", "03"], ["城镇集中建设区", "城镇弹性发展区", "特别用途区"]), "planning_zone")
    assert not {"CODE_UNKNOWN", "CODE_NAME_MISMATCH"} & set(other)
    wrong = said(zones(["100", "200", "888"], ["生态保护区", "农田保护区", "月亮区"]), "planning_zone")
    assert "888" in wrong["CODE_UNKNOWN"].message
    assert "200 记为“农田保护区”（1 个），应为生态控制区" in wrong["CODE_NAME_MISMATCH"].message
    assert wrong["CODE_UNKNOWN"].severity == "info"  # the digits of GHFQDM are not confirmed


# --- recorded against computed area -----------------------------------------------------------------------------


def planar(squares):
    return [square.area for square in squares]  # drawn in the Gauss plane of their own zone


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        (np.round(M2, 2), ["椭球面积 3 个"]),
        (planar(SQUARES), ["平面面积 3 个"]),
        ([round(M2[0], 2), M2[1], SQUARES[2].area], ["椭球面积 2 个", "平面面积 1 个"]),
    ],
)
def test_it_says_which_area_was_recorded(recorded, words):
    found = said(patches(TBMJ=recorded))
    assert "AREA_RECORDED_DIFFERS" not in found
    plan = open_plan({"land_use": patches(TBMJ=recorded)})
    [item] = [i for i in plan.layers["land_use"].findings if i.code == "AREA_RECORDED" and "TBMJ" in i.message]
    assert all(word in item.message for word in words), item.message


def test_net_areas_are_recognised():
    net = [area * (1 - 0.0825) for area in M2]
    plan = open_plan({"land_use": patches(KCXS=[0.0825] * 3, TBDLMJ=np.round(net, 2))})
    notes = [item.message for item in plan.layers["land_use"].findings if item.code == "AREA_RECORDED"]
    assert any("TBMJ" in note and "椭球面积 3 个" in note for note in notes)
    assert any("TBDLMJ" in note and "扣除田坎净面积 3 个" in note for note in notes)


def test_a_wrong_area_is_named_with_its_difference():
    found = said(patches(TBMJ=[round(M2[0], 2), M2[1] + 7.5, M2[2] - 250]))
    item = found["AREA_RECORDED_DIFFERS"]
    assert item.severity == "warning"
    assert item.feature == "650422100100000003"
    assert "2 个要素" in item.message
    assert "最大相差 250.00 平方米" in item.message
    assert f"椭球面积 {M2[2]:.2f}" in item.message


def test_square_degrees_are_recognised():
    degrees = [0.0, 0.0, 1.3e-5]  # round(geom.area, 2) and an unrounded area of a layer in longitude and latitude
    found = said(patches(TBMJ=degrees))
    assert "3 个要素" in found["AREA_SQUARE_DEGREES"].message
    assert "TBMJ" in found["AREA_SQUARE_DEGREES"].message
    big = layer([here(0, 0, 60_000, 30_000)], XZQDM=["650422"], XZQMC=["甲"], BSM=["650422000000000001"], MJ=[0.1977])
    assert "AREA_SQUARE_DEGREES" in said(big, "township")  # 1.8e9 m² / (111 319² · cos 42.8°)


def test_planar_areas_of_small_and_large_polygons():
    """Scale at the centroid against vertices projected one by one: small, large, and in a neighbouring zone."""
    shapes = [*SQUARES, here(0, 0, 2900, 2900), here(-20_000, 0, 20_000, 9_000), here(-65_000, 0, -64_800, 150)]
    plan = make_plan(**{RED: [dense(shape) for shape in shapes]})
    laid = plan.layers[RED]
    ours = planar_by_scale(laid.geoms, plan.plane)
    exact = planar_area(np.array(shapes, dtype=object), recognise("EPSG:4518"))
    assert ours == pytest.approx(exact, rel=2e-7, abs=0.001)


def test_excluded_features_and_empty_layers_do_no_harm():
    frame = pd.concat([patches(), patches().assign(geometry=None)], ignore_index=True).set_crs(4518)
    found = said(frame)
    assert "6 个要素" in found["FIELD_NOT_UNIQUE"].message
    assert "椭球面积 3 个" in found["AREA_RECORDED"].message
    assert said(patches().iloc[:0]) == {}
    assert shifted(SQUARES[0]).area == pytest.approx(10_000)


@pytest.mark.parametrize(
    ("land", "towns", "told"),
    [
        (["0102", "0601", "0404"], [None, "203", None], None),
        (["0102", "0601", "0404"], [None, None, None], "0601 记为空"),
        (["0602", "1201", "09"], ["204", "204", "205"], None),
        (["0602", "1201", "09"], ["203", "204", "201"], "0602 记为203、09 记为201"),
        (["05H1", "08H2A", "1006"], ["201", "202A", None], None),
        (["1004", "1005", "1003"], [None, "203", None], "1004 记为空"),
    ],
)
def test_town_codes_go_with_land_classes(land, towns, told):
    found = said(patches(DLBM=land, CZCSXM=towns)).get("CODES_DISAGREE")
    assert (found is None) == (told is None)
    assert told is None or told in found.message
