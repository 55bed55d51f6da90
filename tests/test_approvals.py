"""Approval documents with a polygon: what they cover, what they make up for, and what is missing, by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from controllines.approvals import APPROVALS
from controllines.pipeline import check
from controllines.report import write_report
from controllines.results import CheckResult
from tests.builders import FARM, RED, codes, here, layer, make_plan, official, parcels

#: m², what the product keeps to on up to 1 km²
NEAR = 0.02
COVER, MAKEUP = "er_recognition_area", "pbf_makeup_area"
FIELD = official(here(0, 0, 100, 100))


def document(tmp_path: Path, *boxes, name: str = "范围.gpkg", **columns) -> str:
    path = tmp_path / name
    layer([here(*box) for box in boxes], **columns).to_file(path, layer="范围")
    return str(path)


def held(result: CheckResult) -> dict[tuple[str, str], tuple[float, float, float]]:
    """(scope, subject) → required, given, missing."""
    return {(row["scope"], row["subject_id"]): (row["required_m2"], row["given_m2"], row["missing_m2"])
            for _, row in result.approvals.iterrows()}  # fmt: skip


def cover(path: str, *, red=(0, 0, 100, 100), crs_plan: object = None) -> CheckResult:
    """Two parcels of P1 of which the redline takes 100 m and 20 m, and one of P2 outside it."""
    applied = parcels(here(0, 0, 200, 100), here(80, 200, 120, 300), here(500, 0, 600, 100), XMBH=["P1", "P1", "P2"])
    plan = make_plan(ecological_redline=[here(*red), here(80, 200, 100, 300)])
    return check(applied, plan, as_of="2026-11-21", facts={"P1": {COVER: path}, "P2": {COVER: path}})


def test_what_lies_outside_the_document_is_missing(tmp_path: Path) -> None:
    result = cover(document(tmp_path, (0, 0, 60, 100), (90, 200, 130, 320)))
    a, b = official(here(60, 0, 100, 100)), official(here(80, 200, 90, 300))
    whole_b = official(here(80, 200, 100, 300))
    assert held(result) == {
        ("parcel", "a"): pytest.approx((FIELD, FIELD - a, a), abs=NEAR),
        ("parcel", "b"): pytest.approx((whole_b, whole_b - b, b), abs=NEAR),
        ("project", "P1"): pytest.approx((FIELD + whole_b, FIELD + whole_b - a - b, a + b), abs=NEAR),
    }
    assert list(result.approvals.columns) == list(APPROVALS)
    said = result.findings[result.findings["code"] == "APPROVAL_NOT_COVERED"]
    assert said["feature"].tolist() == ["P1"]
    assert float(said["actual"].iloc[0]) == pytest.approx(a + b, abs=NEAR)


def test_a_document_that_ends_where_the_redline_ends_covers_it(tmp_path: Path) -> None:
    result = cover(document(tmp_path, (0, 0, 100, 100), (80, 200, 100, 300)))
    assert set(result.approvals["missing_m2"]) == {0.0}
    assert "APPROVAL_NOT_COVERED" not in codes(result)


def test_documents_that_overlap_themselves_cover_once(tmp_path: Path) -> None:
    result = cover(document(tmp_path, (0, 0, 60, 100), (0, 0, 60, 100), (30, -5, 60, 105)))
    missing = official(here(60, 0, 100, 100))
    assert held(result)["parcel", "a"] == pytest.approx((FIELD, FIELD - missing, missing), abs=NEAR)


def test_the_layer_of_a_document_may_be_named(tmp_path: Path) -> None:
    path = document(tmp_path, (0, 0, 200, 400))
    layer([here(900, 0, 901, 1)]).to_file(path, layer="其他")
    assert set(cover(f"{path}|范围").approvals["missing_m2"]) == {0.0}
    result = cover(path)  # which of the two?
    assert (result.approvals["missing_m2"] == result.approvals["required_m2"]).all()
    assert "DOCUMENT_FAILED" in codes(result)


def test_a_document_that_cannot_be_read_proves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "坏.gpkg"
    broken.write_bytes(b"SQLite format 3\0" + b"x" * 100)
    for path in (str(broken), str(tmp_path / "没有.shp")):
        result = cover(path)
        assert (result.approvals["missing_m2"] == result.approvals["required_m2"]).all()
        assert len(result.approvals) == 3
        assert "DOCUMENT_FAILED" in codes(result)


def test_the_document_is_part_of_the_run_and_of_its_record(tmp_path: Path) -> None:
    result = cover(document(tmp_path, (0, 0, 60, 100)))
    moved = tmp_path / "别处"
    moved.mkdir()
    same = cover(str(Path(document(tmp_path, (0, 0, 60, 100))).rename(moved / "范围.gpkg")))
    other = cover(document(moved, (0, 0, 70, 100), name="范围.gpkg"))
    assert result.provenance["documents"][0]["features_in"] == 1
    assert other.provenance["run_id"] != result.provenance["run_id"]
    assert set(same.approvals["document"]) == {"范围.gpkg"}
    write_report(result, tmp_path / "out", formats=(), paths=False)
    text = (tmp_path / "out" / "result.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    project = json.loads(text)["projects"][0]
    assert project["facts"][COVER]["value"] == "范围.gpkg"
    assert project["approvals"][0]["missing_m2"] > 0


# --- 补划 --------------------------------------------------------------------------------------------------------


def make_up(path: str, *, required_class: str = "0102", kcxs: object = 0.1) -> CheckResult:
    """A lone parcel that takes one field of 100 m; another field is farmland already."""
    farm = layer([here(0, 0, 100, 100), here(1300, 0, 1400, 100)], DLBM=[required_class, "0102"], KCXS=[kcxs, 0.0])
    applied = parcels(here(0, 0, 150, 100), XMBH=["P1"])
    plan = make_plan(permanent_farmland=farm)
    return check(applied, plan, as_of="2026-11-21", facts={"P1": {"补划地块": path}})


@pytest.mark.parametrize(
    ("boxes", "columns", "given", "missing", "left_out"),
    [
        # 0.9 of a field is taken; two fields with a fifth of ridges bring 1.6
        ([(1000, 0, 1200, 100)], {"DLBM": ["0102"], "KCXS": [0.2]}, 1.6, 0.0, False),
        # half a field brings 0.5
        ([(1000, 0, 1050, 100)], {"DLBM": ["0102"], "KCXS": [0.0]}, 0.5, 0.4, False),
        # the same land twice counts once, the second half of it is farmland already
        ([(1200, 0, 1400, 100), (1200, 0, 1400, 100)], {"DLBM": ["0102"] * 2, "KCXS": [0.5, 0.5]}, 0.5, 0.4, True),
        # what the project takes itself
        ([(100, 0, 200, 100)], {"DLBM": ["0102"], "KCXS": [0.0]}, 0.5, 0.4, True),
        # dry fields for watered ones: more area, but none of the class
        ([(1000, 0, 1200, 100)], {"DLBM": ["0103"], "KCXS": [0.0]}, 2.0, 0.9, False),
        # a better class does
        ([(1000, 0, 1200, 100)], {"DLBM": ["0101"], "KCXS": [0.0]}, 2.0, 0.0, False),
        # no class given: area alone
        ([(1000, 0, 1200, 100)], {"DLBM": [None], "KCXS": [0.0]}, 2.0, 0.0, False),
        # too steep, no farmland
        ([(1000, 0, 1100, 100), (1100, 0, 1150, 100)], {"DLBM": ["0102"] * 2, "KCXS": [0.0] * 2, "GDPDJB": ["5", "4"]},
         0.5, 0.4, True),
        ([(1000, 0, 1200, 100)], {"DLBM": ["0305"], "KCXS": [0.0]}, 0.0, 0.9, True),
    ],
)  # fmt: skip
def test_made_up_for_by_net_area_class_and_slope(
    tmp_path: Path, boxes: list, columns: dict, given: float, missing: float, left_out: bool
) -> None:
    result = make_up(document(tmp_path, *boxes, **columns))
    expected = pytest.approx((0.9 * FIELD, given * FIELD, missing * FIELD), rel=1e-4, abs=NEAR)
    assert held(result) == {("parcel", "a"): expected, ("project", "P1"): expected}
    assert ("MAKEUP_SHORT" in codes(result)) == (missing > 0)
    assert ("MAKEUP_LEFT_OUT" in codes(result)) == left_out


def test_land_makes_up_for_a_project_as_a_whole(tmp_path: Path) -> None:
    """Each of two parcels takes a field; one field and a half is brought: a half is missing, for both."""
    farm = layer([here(0, 0, 200, 100)], DLBM=["0102"], KCXS=[0.0])
    applied = parcels(here(0, 0, 100, 100), here(100, 0, 200, 100), here(0, 500, 9, 509), XMBH=["P1", "P1", "P1"])
    path = document(tmp_path, (1000, 0, 1150, 100), DLBM=["0102"], KCXS=[0.0])
    result = check(applied, make_plan(permanent_farmland=farm), as_of="2026-11-21", facts={"P1": {MAKEUP: path}})
    expected = pytest.approx((2 * FIELD, 1.5 * FIELD, 0.5 * FIELD), rel=1e-4)
    assert held(result) == dict.fromkeys([("parcel", "a"), ("parcel", "b"), ("project", "P1")], expected)


@pytest.mark.parametrize("columns", [{}, {"KCXS": [None]}, {"KCXS": [12.0]}])
def test_net_area_that_cannot_be_told_brings_nothing(tmp_path: Path, columns: dict) -> None:
    result = make_up(document(tmp_path, (1000, 0, 1400, 100), DLBM=["0102"], **columns))
    row = result.approvals.iloc[0]
    assert pd.isna(row["given_m2"])
    assert row["missing_m2"] == row["required_m2"] == pytest.approx(0.9 * FIELD, abs=NEAR)


def test_farmland_whose_net_area_is_not_known_must_be_made_up_for_gross(tmp_path: Path) -> None:
    result = make_up(document(tmp_path, (1000, 0, 1200, 100), DLBM=["0102"], KCXS=[0.0]), kcxs=None)
    row = result.approvals.iloc[0]
    assert row["missing_m2"] == row["required_m2"] == pytest.approx(FIELD, abs=NEAR)


def test_without_conflict_or_line_nothing_is_asked(tmp_path: Path) -> None:
    path = document(tmp_path, (1000, 0, 1200, 100), DLBM=["0102"], KCXS=[0.0])
    applied = parcels(here(500, 0, 600, 100), XMBH=["P1"])
    for plan in (make_plan(**{RED: [here(0, 0, 1, 1)]}), make_plan(**{FARM: layer([here(0, 0, 9, 9)], DLBM=["0102"],
                                                                              KCXS=[0.0])})):  # fmt: skip
        result = check(applied, plan, as_of="2026-11-21", facts={"P1": {COVER: path, MAKEUP: path}})
        assert result.approvals.empty
        assert list(result.approvals.columns) == list(APPROVALS)
