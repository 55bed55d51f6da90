"""Land use of parcels and projects: areas by hand, books that balance, ridges, lines, townships, choices."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllines.errors import UsageError
from controllines.landuse import KEYS, land_columns
from controllines.pipeline import CheckOptions, check
from controllines.plans import Plan, open_plan
from controllines.results import CheckResult
from tests.builders import CITY, COUNTY, FARM, RED, here, layer, make_plan, official, parcels

#: m², what the product keeps to on up to 1 km²: edges are chords between points at most 70 m apart.
CHORDS = 0.02
PATCHES = {"0102": (0, 0, 100, 100), "0404": (100, 0, 200, 100), "0601": (200, 0, 300, 100)}
TOWNSHIPS = {"甲镇": (-1000, -1000, 250, 1000), "乙镇": (250, -1000, 2000, 1000)}


def land_use(patches=PATCHES, **columns):
    """Patches of land use: class → box; QSXZ collective but for built land, KCXS 0.1 on cultivated land."""
    classes = list(patches)
    given = {
        "DLBM": classes,
        "DLMC": [f"名{code}" for code in classes],
        "QSXZ": ["20" if code.startswith("06") else "30" for code in classes],
        "ZLDWDM": ["650422100201"] * len(classes),
        "KCXS": [0.1 if code.startswith("01") else None for code in classes],
    }
    return layer([here(*box) for box in patches.values()], **given | columns)


def townships():
    return layer([here(*box) for box in TOWNSHIPS.values()], XZQDM=["650422100", "650422101"], XZQMC=list(TOWNSHIPS))


def plan(**layers) -> Plan:
    around = {"land_use": land_use(), "township": townships(), RED: [here(50, 0, 250, 100)]}
    return make_plan(**around | layers)


def lay_out(box=(0, 0, 400, 100), options=CheckOptions(), **layers) -> CheckResult:
    return check(parcels(here(*box)), plan(**layers), as_of="2026-11-21", options=options)


def table(result: CheckResult) -> dict[tuple[str | None, str | None], pd.Series]:
    return {(row["class_code"], row["township"]): row for _, row in result.land.iterrows()}


def test_areas_of_classes_townships_and_lines_by_hand() -> None:
    """100 m strips: a tenth of the cultivated one is ridge; the line takes 50 to 250, the townships part at 250."""
    result = lay_out()
    rows = table(result)
    field, half_field = official(here(0, 0, 100, 100)), official(here(50, 0, 100, 100))
    expected = {  # area, ridge, net, inside the redline
        ("0102", "甲镇"): (0.9 * field, 0.1 * field, 0.9 * field, 0.9 * half_field),
        ("1203", "甲镇"): (0.1 * field, 0, 0.1 * field, 0.1 * half_field),
        ("0404", "甲镇"): (g := official(here(100, 0, 200, 100)), 0, g, g),
        ("0601", "甲镇"): (w := official(here(200, 0, 250, 100)), 0, w, w),
        ("0601", "乙镇"): (e := official(here(250, 0, 300, 100)), 0, e, 0),
        (None, "乙镇"): (official(here(300, 0, 400, 100)), np.nan, np.nan, 0),
    }
    assert set(rows) == set(expected)
    for key, figures in expected.items():
        got = rows[key][["area_m2", "ridge_m2", "net_area_m2", f"{RED}_m2"]].to_numpy(float)
        assert got == pytest.approx(figures, abs=CHORDS, nan_ok=True), key
    assert list(result.land.columns) == ["parcel_id", *land_columns([RED, FARM, CITY])]
    assert result.land[f"{FARM}_m2"].isna().all()  # not in the plan: not measured


def test_names_big_classes_and_owners() -> None:
    rows = table(lay_out())
    said = {key[0]: tuple(row[["class_name", "big_class", "ownership", "township_code"]]) for key, row in rows.items()
            if key != ("0601", "甲镇")}  # fmt: skip
    assert said == {
        "0102": ("水浇地", "农用地", "集体", "650422100"),
        "1203": ("田坎", "农用地", "集体", "650422100"),
        "0404": ("其他草地", "未利用地", "集体", "650422100"),
        "0601": ("工业用地", "建设用地", "国有", "650422101"),
        None: (None, None, None, "650422101"),
    }


def balance(result: CheckResult) -> None:
    """Rows add up to the parcels and projects; the column of a line to what lies inside it."""
    for rows, whole, lines, key in (
        (result.land, result.parcels, result.overlaps, "parcel_id"),
        (result.project_land, result.projects, result.project_overlaps, "project_id"),
    ):
        summed = rows.groupby(key)["area_m2"].sum()
        areas = whole.set_index(key)["area_m2"].loc[summed.index]
        assert summed.to_numpy() == pytest.approx(areas.to_numpy(), rel=1e-9)
        assert set(summed.index) == set(whole[key])
        for kind, of_line in lines.groupby("kind"):
            inside = of_line.set_index(key)["area_m2"].loc[summed.index]
            booked = rows.groupby(key)[f"{kind}_m2"].sum(min_count=1)
            assert booked.to_numpy() == pytest.approx(inside.to_numpy(), rel=1e-9, abs=CHORDS, nan_ok=True)
        known = rows.dropna(subset="net_area_m2")
        assert (known["area_m2"] == known["net_area_m2"]).all()


COLUMNS = st.lists(st.integers(0, 30), min_size=2, max_size=6, unique=True).map(sorted)
CLASSES = st.sampled_from(["0101", "0103", "0201K", "0404", "1203", "9999", None])


@settings(max_examples=10)
@given(COLUMNS, st.lists(CLASSES, min_size=5, max_size=5), st.floats(0, 0.4), st.booleans())
def test_the_books_balance(cuts: list[int], classes: list[str | None], kcxs: float, several: bool) -> None:
    """Slanting strips of any class under two parcels, of one project or of two, with a line across."""
    edges = [10.0 * cut for cut in cuts]
    strips = [here((w, 0), (e, 0), (e + 31, 120), (w + 31, 120)) for w, e in pairwise(edges)]
    use = layer(strips, DLBM=classes[: len(strips)], KCXS=[kcxs] * len(strips))
    applied = parcels(here(13, 7, 171, 99), here(171, 20, 307, 113), XMBH=["P1", "P1" if several else "P2"])
    line = here((40, -10), (210, 30), (190, 140), (20, 90))
    result = check(
        applied, make_plan(land_use=use, township=townships(), ecological_redline=[line]), as_of="2026-11-21"
    )
    balance(result)


def test_a_project_has_the_land_of_the_union_of_its_parcels() -> None:
    applied = parcels(here(0, 0, 150, 100), here(50, 0, 300, 100), here(0, 200, 50, 250), XMBH=["P1", "P1", "P2"])
    result = check(applied, plan(), as_of="2026-11-21")
    balance(result)
    mine = result.project_land[result.project_land["project_id"] == "P1"]
    by_class = mine.groupby("class_code")["area_m2"].sum()
    assert by_class["0404"] == pytest.approx(official(here(100, 0, 200, 100)), abs=CHORDS)
    other = result.project_land[result.project_land["project_id"] == "P2"]
    assert other["class_code"].tolist() == [None]


def test_disputed_classes_go_where_plan_or_options_say() -> None:
    assert table(lay_out())[("0404", "甲镇")]["big_class"] == "未利用地"
    result = lay_out(options=CheckOptions(big_classes={"0404": "农用地"}))
    assert table(result)[("0404", "甲镇")]["big_class"] == "农用地"
    assert result.provenance["options"]["big_classes"] == {"0404": "农用地", "0603": "建设用地", "1201": "建设用地"}
    assert result.provenance["run_id"] != lay_out().provenance["run_id"]
    with pytest.raises(UsageError, match="BIG_CLASS"):
        lay_out(options=CheckOptions(big_classes={"0404": "荒地"}))


def test_a_county_chooses_in_its_plan(tmp_path) -> None:
    land_use().to_file(tmp_path / "dltb.gpkg", layer="DLTB")
    (tmp_path / "plan.toml").write_text(
        '[plan]\nname = "x"\n[plan.big_classes]\n"0404" = "农用地"\n[layers.land_use]\npath = "dltb.gpkg"\n',
        encoding="utf-8",
    )
    result = check(parcels(here(0, 0, 400, 100)), open_plan(tmp_path / "plan.toml"), as_of="2026-11-21")
    assert result.land.set_index("class_code")["big_class"]["0404"] == "农用地"
    wrong = (tmp_path / "plan.toml").read_text(encoding="utf-8").replace("农用地", "荒地")
    (tmp_path / "plan.toml").write_text(wrong, encoding="utf-8")
    with pytest.raises(UsageError, match="BIG_CLASS") as caught:
        check(parcels(here(0, 0, 400, 100)), open_plan(tmp_path / "plan.toml"), as_of="2026-11-21")
    assert caught.value.finding.source == str(tmp_path / "plan.toml")


@pytest.mark.parametrize(("kcxs", "code"), [(None, "KCXS_NULL"), (1.0, "KCXS_RANGE"), (-0.1, "KCXS_RANGE")])
def test_ridges_that_nobody_knows_stay_in_the_field(kcxs: float | None, code: str) -> None:
    result = lay_out(land_use=land_use(KCXS=[kcxs, None, None]))
    balance(result)
    row = table(result)[("0102", "甲镇")]
    assert row["area_m2"] == pytest.approx(official(here(0, 0, 100, 100)), abs=CHORDS)
    assert np.isnan([row["ridge_m2"], row["net_area_m2"]]).all()
    assert "1203" not in set(result.land["class_code"])
    assert code in set(result.findings["code"])
    untouched = lay_out((100, 0, 400, 100), land_use=land_use(KCXS=[kcxs, None, None]))
    assert code not in set(untouched.findings["code"])


def test_without_township_layer_the_code_of_the_place_says_it() -> None:
    result = check(parcels(here(0, 0, 400, 100)), make_plan(land_use=land_use()), as_of="2026-11-21")
    assert set(result.land["township_code"].dropna()) == {"650422100"}
    bare = land_use().drop(columns=["ZLDWDM", "QSXZ"])
    result = check(parcels(here(0, 0, 400, 100)), make_plan(land_use=bare), as_of="2026-11-21")
    assert result.land[["township_code", "township", "ownership"]].isna().all(axis=None)


def test_codes_nobody_knows_keep_their_name_and_have_no_big_class() -> None:
    result = lay_out(land_use=land_use({"0102": PATCHES["0102"], "9901": PATCHES["0404"], "１００６": PATCHES["0601"]}))
    rows = {row["class_code"]: row for _, row in result.land.iterrows()}
    assert tuple(rows["9901"][["class_name", "big_class"]]) == ("名9901", None)
    assert tuple(rows["1006"][["class_name", "big_class"]]) == ("农村道路", "农用地")
    balance(result)


def test_no_land_use_no_rows() -> None:
    result = check(parcels(here(0, 0, 100, 100)), make_plan(ecological_redline=[COUNTY]), as_of="2026-11-21")
    assert result.land.empty
    assert result.project_land.empty
    assert list(result.land.columns) == ["parcel_id", *land_columns([RED, FARM, CITY])]
    assert list(result.project_land.columns) == ["project_id", *land_columns([RED, FARM, CITY])]
    assert result.provenance["land_use"] is None
    assert "big_classes" not in result.provenance["options"]
    assert set(KEYS) <= set(result.land.columns)
