"""The whole way: columns of the contract, lines in scope, coordinate systems, bytes that repeat."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from controllines.area import official_area
from controllines.errors import InputError, UsageError
from controllines.parcels import read_parcels
from controllines.pipeline import CheckOptions, Job, check, is_complete, run
from controllines.plans import open_plan
from controllines.results import VERDICTS, CheckResult
from controllines.rules import LEVELS
from tests.builders import CORNER, LAYERS, here, layer, write_survey

DAY = "2026-11-21"
Box = tuple[float, float, float, float]


def frame(*boxes: Box, **columns: Sequence[object]) -> gpd.GeoDataFrame:
    return layer([here(*box) for box in boxes], **columns)


#: m²; a piece ends where a layer's edge is split, and the chords of its 70 m parts are off by less than this.
CHORDS = 1e-3


def area(w: float, s: float, e: float, n: float) -> float:
    return float(official_area([here(w, s, e, n)], "EPSG:4518")[0])


@pytest.fixture
def txt(tmp_path: Path) -> Callable[..., Path]:
    """``txt(name, [(id, 公顷, box) …], zone=30)`` -> path of a survey file in tmp_path/申请."""
    return lambda name, plots, **more: write_survey(tmp_path / "申请" / name, plots, **more)


PARCELS: dict[str, Box] = {
    "a": (450, 400, 550, 500),  # half redline, half farmland
    "b": (900, 100, 1000, 200),  # inside the boundary
    "c": (1900, 0, 2100, 100),  # half outside all townships
}


@pytest.fixture(scope="module")
def result() -> CheckResult:
    parcels = frame(*PARCELS.values(), DKBH=list(PARCELS), DKMC=["甲", "乙", "丙"], XMBH=["P1", "P1", "P2"])
    return check(parcels, LAYERS, as_of=DAY)


# --- frames ---------------------------------------------------------------------------------------------------


def test_columns_are_those_of_the_contract(result: CheckResult) -> None:
    assert set(result.parcels) >= {
        "parcel_id", "declared_id", "project_id", "name", "source", "row", "status", "area_m2", "planar_area_m2",
        "declared_area_m2", "verdict", "geometry", "source_crs",
    }  # fmt: skip
    measures = ["outcome", "area_m2", "outside_m2", "conflict_m2", "share", "net_area_m2", "uncovered_m2",
                "contact_m2", "sliver_m2", "shared_m2", "depth_m", "width_m", "clearance_m", "flags",
                "planar_area_m2"]  # fmt: skip
    assert list(result.overlaps) == ["parcel_id", "kind", *measures]
    assert list(result.project_overlaps) == ["project_id", "kind", *measures]
    assert list(result.pieces) == ["parcel_id", "kind", "feature_id", "class", "area_m2", "planar_area_m2", "geometry"]
    assert list(result.units) == ["parcel_id", "kind", "code", "name", "area_m2", "planar_area_m2"]
    assert list(result.projects) == ["project_id", "name", "parcels", "area_m2", "verdict"]
    assert list(result.verdicts)[: len(VERDICTS)] == list(VERDICTS)
    assert set(result.parcels["verdict"].dropna()) <= set(LEVELS)
    assert list(result.outside) == ["parcel_id", "kind", "area_m2", "planar_area_m2", "geometry"]


def test_every_parcel_has_a_row_for_each_line_in_order(result: CheckResult) -> None:
    lines = ["ecological_redline", "permanent_farmland", "urban_boundary"]
    assert list(zip(result.overlaps["parcel_id"], result.overlaps["kind"], strict=True)) == [
        (parcel, line) for parcel in PARCELS for line in lines
    ]


def test_areas_of_the_half_and_half_parcel(result: CheckResult) -> None:
    rows = result.overlaps[result.overlaps["parcel_id"] == "a"].set_index("kind")
    assert rows.loc["ecological_redline", "conflict_m2"] == pytest.approx(area(450, 400, 500, 500), abs=CHORDS)
    assert rows.loc["permanent_farmland", "net_area_m2"] == pytest.approx(0.9 * area(500, 400, 550, 500), abs=CHORDS)
    assert rows.loc["urban_boundary", "conflict_m2"] == pytest.approx(area(450, 400, 550, 500), rel=1e-12)
    assert rows.loc["ecological_redline", "share"] == pytest.approx(0.5, rel=1e-4)


def test_units_sum_to_the_parcel_with_what_lies_outside(result: CheckResult) -> None:
    towns = result.units[result.units["kind"] == "township"]
    outside = towns[towns["name"] == "范围外"]
    assert outside["parcel_id"].tolist() == ["c"]
    assert outside["code"].isna().all()
    assert outside["area_m2"].iloc[0] == pytest.approx(area(2000, 0, 2100, 100), abs=CHORDS)
    sums = result.units.groupby(["kind", "parcel_id"])["area_m2"].sum()
    whole = result.parcels.set_index("parcel_id")["area_m2"]
    for (kind, parcel), found in sums.items():
        assert found == pytest.approx(whole[parcel], rel=1e-12), (kind, parcel)


def test_excluded_rows_stay_in_parcels_only() -> None:
    shapes = gpd.GeoDataFrame({"DKBH": ["a", "b"]}, geometry=[here(0, 0, 10, 10), None], crs="EPSG:4518")
    found = check(shapes, LAYERS, as_of=DAY)
    assert found.parcels["status"].tolist() == ["checked", "excluded"]
    assert found.parcels.loc[1, ["area_m2", "planar_area_m2"]].isna().all()
    for other in (found.overlaps, found.units, found.pieces, found.outside):
        assert "b" not in set(other["parcel_id"])
    assert "b" not in set(found.projects["project_id"])
    assert not is_complete(found)


def test_nothing_to_check_says_why() -> None:
    nothing = gpd.GeoDataFrame({"DKBH": ["a"]}, geometry=[None], crs="EPSG:4518")
    with pytest.raises(InputError, match="NOTHING_CHECKED") as raised:
        check(nothing, LAYERS)
    assert "没有几何" in raised.value.finding.message


# --- coordinate systems ---------------------------------------------------------------------------------------


def test_two_zones_share_lon_lat_and_keep_their_own_planar_area(txt: Callable[..., Path]) -> None:
    txt("a.txt", [("D1", "1.0000", here(0, 0, 100, 100))])
    txt("b.txt", [("D2", "1.0000", shapely.box(29_620_000, CORNER[1], 29_620_100, CORNER[1] + 100))], zone=29)
    county = gpd.GeoDataFrame({"XZQDM": ["650422"]}, geometry=[shapely.box(88, 42, 89, 43)], crs="EPSG:4490")
    found = check(txt("a.txt", [("D1", "1.0000", here(0, 0, 100, 100))]).parent, LAYERS | {"county": county}, as_of=DAY)
    assert found.parcels.crs.to_epsg() == 4490
    assert found.parcels["source_crs"].tolist() == ["EPSG:4518", "EPSG:4517"]
    assert found.parcels["planar_area_m2"].tolist() == pytest.approx([10_000, 10_000], rel=1e-9)
    west, south, east, north = found.parcels.total_bounds
    assert 88 < west < east < 89
    assert 42 < south < north < 43
    assert found.pieces.crs.to_epsg() == 4490


def test_wgs84_parcels_have_the_same_areas_and_a_warning() -> None:
    lonlat = frame((450, 400, 550, 500), DKBH=["a"]).to_crs("EPSG:4490")
    ours = check(lonlat, LAYERS, as_of=DAY)
    theirs = check(lonlat.set_crs("EPSG:4326", allow_override=True), LAYERS, as_of=DAY)
    pd.testing.assert_frame_equal(ours.overlaps, theirs.overlaps)
    assert ours.parcels["area_m2"].tolist() == theirs.parcels["area_m2"].tolist()
    assert "CRS_WGS84" in set(theirs.findings["code"])
    assert "CRS_WGS84" not in set(ours.findings["code"])


def test_as_is_is_in_the_findings_of_parcels_and_layers() -> None:
    lonlat = frame((450, 400, 550, 500), DKBH=["a"]).to_crs("EPSG:4490").set_crs("EPSG:4269", allow_override=True)
    with pytest.raises(InputError, match="CRS_FOREIGN_DATUM"):
        check(lonlat, LAYERS)
    found = check(lonlat, LAYERS, as_of=DAY, datum="as_is").findings
    assert found.loc[found["code"] == "CRS_AS_IS", "severity"].tolist() == ["warning"]


# --- provenance and scope -------------------------------------------------------------------------------------


def test_a_line_the_plan_lacks_is_checked_as_no_data_and_listed_as_not_checked() -> None:
    plan = {key: layer for key, layer in LAYERS.items() if key != "urban_boundary"}
    found = check(frame((0, 0, 10, 10), DKBH=["a"]), plan, as_of=DAY)
    assert found.overlaps.set_index("kind")["outcome"].to_dict() == {
        "ecological_redline": "conflict", "permanent_farmland": "none", "urban_boundary": "no_data",
    }  # fmt: skip
    assert "urban_boundary" in found.provenance["not_checked"]
    assert not is_complete(found)


def test_other_lines_of_the_plan_are_checked_too() -> None:
    reserve = frame((0, 0, 100, 100), BSM=["n1"])
    found = check(frame((50, 0, 150, 100), DKBH=["a"]), LAYERS | {"自然保护地": reserve}, as_of=DAY)
    assert found.provenance["checked"][-1] == "nature_reserve"
    assert "nature_reserve" not in found.provenance["required"]
    row = found.overlaps.set_index("kind").loc["nature_reserve"]
    assert row["conflict_m2"] == pytest.approx(area(50, 0, 100, 100), abs=CHORDS)


@pytest.mark.parametrize("name", ["ecological_redline", "生态保护红线"])
def test_lines_narrow_the_scope(name: str) -> None:
    found = check(frame((0, 0, 10, 10), DKBH=["a"]), LAYERS, as_of=DAY, options=CheckOptions(lines=(name,)))
    assert found.overlaps["kind"].unique().tolist() == ["ecological_redline"]
    assert found.provenance["required"] == ["ecological_redline"]
    assert {"permanent_farmland", "urban_boundary"} <= set(found.provenance["not_checked"])
    assert is_complete(found)


@pytest.mark.parametrize(
    ("options", "code"),
    [(CheckOptions(lines=("乡镇",)), "NOT_A_LINE"), (CheckOptions(lines=("红线",)), "KIND_UNKNOWN")],
)
def test_options_that_are_wrong(options: CheckOptions, code: str) -> None:
    with pytest.raises(UsageError, match=code):
        check(frame((0, 0, 10, 10), DKBH=["a"]), LAYERS, options=options)


def test_an_area_convention_that_is_none() -> None:
    with pytest.raises(UsageError, match="AREA_CHOICE"):
        CheckOptions(area="geodesic")


def test_a_date_that_is_none() -> None:
    with pytest.raises(UsageError, match="DATE"):
        check(frame((0, 0, 10, 10), DKBH=["a"]), LAYERS, as_of="21.11.2026")


# --- repeatable -----------------------------------------------------------------------------------------------


def run_id(**changed: object) -> str:
    drawn = frame((0, 0, 10, 10), (20, 0, 30, 10), DKBH=["a", "b"])
    return str(check(drawn, LAYERS, as_of=DAY, **changed).provenance["run_id"])  # type: ignore[arg-type]


def test_run_id_repeats() -> None:
    assert run_id() == run_id()


@pytest.mark.parametrize(
    "changed",
    [
        {"options": CheckOptions(area="planar")},
        {"options": CheckOptions(lines=("ecological_redline",))},
        {"options": replace(CheckOptions(), widths=replace(CheckOptions().widths, sliver_m=0.3))},
        {"project_by": "file"},
    ],
)
def test_run_id_follows_the_options_that_can_change_the_result(changed: dict[str, object]) -> None:
    assert run_id(**changed) != run_id()


@pytest.fixture
def office(tmp_path: Path, txt: Callable[..., Path]) -> tuple[Path, list[Path]]:
    """A plan on disk and five files of applications, among them a duplicate id and a broken file."""
    database = tmp_path / "三区三线.gpkg"
    tables = {"ecological_redline": "STBHHX", "permanent_farmland": "YJJBNTBHTB", "urban_boundary": "CZKFBJ",
              "county": "XJXZQ", "township": "XZQ"}  # fmt: skip
    for key, table in tables.items():
        LAYERS[key].to_file(database, layer=table, engine="pyogrio")
    files = [
        txt(f"{name}.txt", [(identity, "0.01", here(w, 0, w + 10, 10))])
        for name, identity, w in [("一", "D1", 495), ("二", "D1", 20), ("三", "D3", 900), ("四", "", 1495)]
    ]
    broken = files[0].with_name("五.txt")
    broken.write_bytes(b"[\xca\xf4")
    return database, [*files, broken]


def test_result_json_is_the_same_bytes_again_and_in_any_order(office: tuple[Path, list[Path]], tmp_path: Path) -> None:
    database, files = office
    written = []
    for n in range(3):
        given = list(files)
        random.Random(n).shuffle(given)
        out = tmp_path / f"成果{n}"
        outcome = run(Job(parcels=tuple(map(str, given)), plan=str(database), out=str(out), formats=(), as_of=DAY))
        assert not outcome.complete  # one file is broken
        written.append([(out / name).read_bytes() for name in ("result.json", "conflicts.csv")])
    assert written[0] == written[1] == written[2]
    document = json.loads(written[0][0])
    assert document["schema"] == "controllines.result/1"
    sources = [parcel["source"] for parcel in document["parcels"]]
    assert sources == sorted(map(str, files))


def test_result_json_has_no_nan_and_agrees_with_the_frames(office: tuple[Path, list[Path]], tmp_path: Path) -> None:
    database, files = office
    out = tmp_path / "成果"
    outcome = run(Job(parcels=tuple(map(str, files)), plan=str(database), out=str(out), as_of=DAY))

    def refuse(name: str) -> float:
        raise AssertionError(name)

    document = json.loads((out / "result.json").read_text(encoding="utf-8"), parse_constant=refuse)
    frames = outcome.result
    areas = {p["parcel_id"]: p["area_m2"] for p in document["parcels"]}
    for row in frames.parcels.itertuples():
        assert areas[row.parcel_id] is None if math.isnan(row.area_m2) else areas[row.parcel_id] == row.area_m2
    for parcel in document["parcels"]:
        own = frames.overlaps[frames.overlaps["parcel_id"] == parcel["parcel_id"]]
        assert [(layer["kind"], layer["outcome"]) for layer in parcel["layers"]] == list(
            zip(own["kind"], own["outcome"], strict=True)
        )
    assert outcome.written[-1].name == "result.json"
    assert all(path.is_file() for path in outcome.written)


def test_a_run_tells_its_stages(office: tuple[Path, list[Path]], tmp_path: Path) -> None:
    database, files = office
    told: list[str] = []
    run(
        Job(parcels=(str(files[0]),), plan=str(database), out=str(tmp_path / "o"), formats=(), as_of=DAY),
        tell=told.append,
    )
    assert told[:4] == ["读取规划", "读取申请地块", "套合 1 个地块", "写出成果"]
    assert told[4:] == ["写出判定过程", "写出 result.json"]


def test_the_plan_is_not_changed_by_a_check() -> None:
    plan = open_plan(LAYERS)
    before = {key: layer.geoms.copy() for key, layer in plan.layers.items()}
    first = check(frame((450, 400, 550, 500), DKBH=["a"]), plan, as_of=DAY)
    second = check(frame((450, 400, 550, 500), DKBH=["a"]), plan, as_of=DAY)
    pd.testing.assert_frame_equal(first.overlaps, second.overlaps)
    for key, geoms in before.items():
        assert np.all(shapely.equals_exact(geoms, plan.layers[key].geoms, 0))


def test_facts_reach_the_result_and_its_number() -> None:
    plan = {"ecological_redline": LAYERS["ecological_redline"]}
    applied = read_parcels(frame((450, 400, 550, 500), DKBH=["a"], XMBH=["P1"]))
    bare = check(applied, plan, as_of=DAY)
    told = check(applied, plan, as_of=DAY, facts={"P1": {"项目类别": "光伏"}, "P9": {}})
    assert bare.facts.empty
    assert told.facts.to_numpy().tolist() == [["P1", "category", "photovoltaic", "facts"]]
    assert told.provenance["run_id"] != bare.provenance["run_id"]
    assert "FACTS_UNUSED" in set(told.findings["code"])
