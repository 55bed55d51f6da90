"""Frames: what was measured under the names of the contract, brought back to the CRS of the parcels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from controllines.conflicts import Checked, Land, Widths, check_land
from controllines.frames import (
    Projects,
    declared_findings,
    lengths_frame,
    named,
    parcels_frame,
    pieces_frames,
    projects_of,
)
from controllines.kinds import Kind
from controllines.layers import Layer, lay
from controllines.parcels import read_parcels
from controllines.pipeline import check
from controllines.plans import Plan, open_plan
from controllines.results import CheckResult
from tests.builders import (
    CITY,
    EPSG,
    FARM,
    LAYERS,
    RED,
    codes,
    here,
    make_plan,
    official,
    parcels,
    row,
    scale,
    write_survey,
)

DAY = "2026-11-21"
#: m²; a piece ends where a layer's edge is split, and the chords of its 70 m parts are off by less than this.
CHORDS = 1e-3
LINES = (RED, FARM, CITY)


@dataclass(frozen=True)
class Stage:
    """Parcels laid over the three lines side by side."""

    plan: Plan
    laid: Layer
    rows: np.ndarray
    land: Land
    kinds: list[Kind]
    checked: Checked

    @classmethod
    def of(cls, drawn: object, plan: Plan | None = None, **reading: object) -> Stage:
        plan = plan or open_plan(LAYERS)
        laid = lay(read_parcels(drawn, **reading), plan.plane)  # type: ignore[arg-type]
        rows = np.flatnonzero(laid.used)
        land = Land(laid.frame["parcel_id"].to_numpy(object)[rows], laid.geoms[rows], laid.resolution[rows], plan.plane)
        kinds = [plan.kind(key) for key in LINES]
        return cls(plan, laid, rows, land, kinds, check_land(land, plan, kinds, Widths()))

    @property
    def frame(self) -> gpd.GeoDataFrame:
        return parcels_frame(self.laid, self.rows)

    @property
    def projects(self) -> Projects:
        return projects_of(self.frame, self.land, (self.plan, self.kinds, Widths()))


@pytest.fixture(scope="module")
def stage() -> Stage:
    """a half redline, half farmland; b without geometry; c within the boundary, of one project with a."""
    drawn = parcels(here(450, 400, 550, 500), None, here(900, 100, 1000, 200), DKMC=["甲", None, "丙"],
                    XMBH=["P2", "P2", "P2"], XMMC=["项目二"] * 3, DKMJ=[10_000.0, None, 1.0])  # fmt: skip
    return Stage.of(drawn)


# --- parcels ----------------------------------------------------------------------------------------------------------


def test_every_parcel_that_was_handed_in_has_a_row(stage: Stage) -> None:
    frame = stage.frame
    assert frame["parcel_id"].tolist() == ["a", "b", "c"]
    assert frame["status"].tolist() == ["checked", "excluded", "checked"]
    assert frame["name"].fillna("").tolist() == ["甲", "", "丙"]
    assert frame["declared_area_m2"].tolist()[::2] == [10_000, 1]
    assert frame["verdict"].isna().all()
    expected = [official(here(450, 400, 550, 500)), np.nan, official(here(900, 100, 1000, 200))]
    assert frame["area_m2"].tolist() == pytest.approx(expected, abs=0.02, nan_ok=True)
    assert frame["planar_area_m2"].tolist() == pytest.approx([10_000, np.nan, 10_000], rel=1e-12, nan_ok=True)
    assert frame.crs.to_epsg() == EPSG
    assert frame.geometry.iloc[0].equals(here(450, 400, 550, 500))


def test_planar_area_is_that_of_the_own_zone(tmp_path: Path) -> None:
    """100 m × 100 m in zone 30 and in zone 29; in degrees neither is a round number."""
    parcels(here(0, 0, 100, 100), DKBH=["d"]).to_file(tmp_path / "a.gpkg")
    west = shapely.box(29_620_000, 4_738_000, 29_620_100, 4_738_100)
    parcels(west, crs=4517, DKBH=["e"]).to_file(tmp_path / "b.gpkg")
    frame = Stage.of(tmp_path, make_plan(ecological_redline=[here(0, 0, 9, 9)])).frame
    assert frame.crs.to_epsg() == 4490
    assert frame["source_crs"].tolist() == ["EPSG:4518", "EPSG:4517"]
    assert frame["planar_area_m2"].tolist() == pytest.approx([10_000, 10_000], rel=1e-9)


def test_ids_take_the_place_of_rows(stage: Stage) -> None:
    frame = pd.DataFrame({"kind": ["x", "y"], "row": [1, 0]})
    assert named(frame, stage.land, "parcel_id").to_dict("list") == {"parcel_id": ["c", "a"], "kind": ["x", "y"]}
    assert "row" in frame


# --- declared areas ---------------------------------------------------------------------------------------------------


def declared(*rows: tuple[float, float, float]) -> list[tuple[str, str | None, object, object]]:
    """(declared, planar, official) of parcels p0, p1, … → code, feature, actual, expected of what is said."""
    frame = gpd.GeoDataFrame(rows, columns=["declared_area_m2", "planar_area_m2", "area_m2"])
    frame = frame.assign(parcel_id=[f"p{n}" for n in range(len(rows))], source="a.txt")
    return [(item.code, item.feature, item.actual, item.expected) for item in declared_findings(frame)]


def test_planar_areas_are_explained_once_with_the_greatest_difference() -> None:
    found = declared((10_001.0, 10_001.0, 9_999.0), (500.0, 500.0, 499.5), (20_004.9, 20_004.0, 20_000.0))
    assert found == [("AREA_PROJECTION", None, "2", "4.00")]


def test_a_wrong_area_is_named_with_both_that_it_could_be() -> None:
    found = declared((10_000.0, 10_000.5, 9_999.5), (12_000.0, 10_001.0, 9_999.0), (np.nan, 5.0, 5.0))
    assert found == [("AREA_DECLARED", "p1", "12000.00", "平面 10001.00，椭球 9999.00")]


def test_one_square_metre_is_what_rounding_makes_of_an_area() -> None:
    assert declared((101.0, 90.0, 100.0)) == []
    assert [code for code, *_ in declared((101.01, 90.0, 100.0))] == ["AREA_DECLARED"]
    assert declared((np.nan, np.nan, np.nan)) == []  # an excluded parcel


@pytest.mark.parametrize(
    ("declared", "code"),
    [("planar", "AREA_PROJECTION"), ("official", None), ("wrong", "AREA_DECLARED"), ("none", None)],
)
def test_declared_areas_of_a_file(tmp_path: Path, declared: str, code: str | None) -> None:
    """1 km × 1 km at 115 km from the middle of the zone: planar exceeds official by about 163 m²."""
    whole = here(0, 0, 1000, 1000)
    assert 1e6 - official(whole) == pytest.approx(1e6 * (115_000 / 6_371_000) ** 2, rel=0.03)
    hectares = {"planar": "100.0000", "official": f"{official(whole) / 1e4:.4f}", "wrong": "100.1000", "none": ""}[
        declared
    ]
    path = write_survey(tmp_path / "a.txt", [("D1", hectares, whole)])
    found = check(path, LAYERS, as_of=DAY).findings
    area_codes = found.loc[found["code"].str.startswith("AREA"), ["code", "severity"]].to_numpy().tolist()
    severity = {"AREA_PROJECTION": "info", "AREA_DECLARED": "warning"}
    assert area_codes == ([[code, severity[code]]] if code else [])


# --- projects ---------------------------------------------------------------------------------------------------------


def test_a_union_replaces_its_parcels_in_tables_and_a_lone_parcel_stays() -> None:
    drawn = parcels(here(450, 0, 550, 100), here(700, 0, 710, 10), here(500, 0, 600, 100), XMBH=["P2", "P1", "P2"])
    stage = Stage.of(drawn)
    found = stage.projects
    assert found.frame[["project_id", "parcels"]].to_numpy().tolist() == [["P2", 2], ["P1", 1]]
    assert found.owner.tolist() == [0, 1, 0]
    assert found.unions.tolist() == [0]
    assert found.land.ids.tolist() == ["P2"]
    table = found.table(stage.checked.overlaps, found.checked.overlaps)
    areas = table.set_index(["project_id", "kind"])["area_m2"]
    assert areas["P2", FARM] == pytest.approx(official(here(500, 0, 600, 100)), abs=0.02)
    assert areas["P1", FARM] == stage.checked.overlaps.query("row == 1 and kind == @FARM")["area_m2"].iloc[0]
    assert table["project_id"].tolist() == ["P2"] * 3 + ["P1"] * 3
    assert "row" not in table


def test_excluded_parcels_are_no_part_of_a_project(stage: Stage) -> None:
    frame = stage.projects.frame
    assert frame["parcels"].tolist() == [2]
    expected = official(here(450, 400, 550, 500)) + official(here(900, 100, 1000, 200))
    assert frame["area_m2"].tolist() == pytest.approx([expected], abs=0.04)
    assert frame["name"].tolist() == ["项目二"]


def test_projects_are_the_union_of_their_parcels() -> None:
    drawn = parcels(here(450, 0, 550, 100), here(500, 0, 600, 100), here(0, 0, 10, 10), XMBH=["P2", "P2", "P1"])
    found = check(drawn, LAYERS, as_of=DAY)
    assert found.projects["project_id"].tolist() == ["P2", "P1"]  # in reading order
    assert found.projects["parcels"].tolist() == [2, 1]
    assert found.projects["area_m2"].iloc[0] == pytest.approx(official(here(450, 0, 600, 100)), abs=0.02)
    (twice,) = found.findings.loc[found.findings["code"] == "PROJECT_LAND_TWICE"].itertuples()
    assert twice.feature == "P2"
    assert float(twice.actual) == pytest.approx(official(here(500, 0, 550, 100)), abs=0.01)
    rows = found.project_overlaps.set_index(["project_id", "kind"])["area_m2"]
    assert rows["P2", "permanent_farmland"] == pytest.approx(
        official(here(500, 0, 600, 100)), abs=0.02
    )  # shared land once
    lone = found.overlaps[found.overlaps["parcel_id"] == "c"].drop(columns="parcel_id").reset_index(drop=True)
    same = found.project_overlaps[found.project_overlaps["project_id"] == "P1"].drop(columns="project_id")
    pd.testing.assert_frame_equal(lone, same.reset_index(drop=True))


def test_a_project_is_measured_as_one_piece_of_land():
    shapes = here(0, 0, 100, 100), here(50, 0, 150, 100), here(300, 0, 310, 10)
    drawn = parcels(*shapes, XMBH=["P", "P", "Q"])
    result = check(drawn, make_plan(ecological_redline=[here(80, -10, 500, 200)]))
    projects = result.projects.set_index("project_id")
    assert projects["parcels"].to_dict() == {"P": 2, "Q": 1}
    assert projects.loc["P", "area_m2"] == pytest.approx(official(here(0, 0, 150, 100)), abs=0.02)
    overlaps = result.project_overlaps.query("kind == @RED").set_index("project_id")
    assert overlaps.loc["P", "area_m2"] == pytest.approx(official(here(80, 0, 150, 100)), abs=0.02)
    assert overlaps.loc["P", "depth_m"] == pytest.approx(50 / 1.000163, rel=2e-4)
    assert overlaps.loc["Q", "area_m2"] == row(result, RED, "c").area_m2
    noted = result.findings[result.findings["code"] == "PROJECT_LAND_TWICE"]
    assert noted["feature"].tolist() == ["P"]
    assert float(noted["actual"].iloc[0]) == pytest.approx(official(here(50, 0, 100, 100)), abs=0.02)


def test_neighbours_of_one_project_claim_nothing_twice():
    result = check(parcels(here(0, 0, 100, 100), here(100, 0, 200, 100), XMBH=["P", "P"]),
                   make_plan(ecological_redline=[here(0, 0, 1, 1)]))  # fmt: skip
    assert "PROJECT_LAND_TWICE" not in codes(result)


# --- pieces and what lies outside -------------------------------------------------------------------------------------


PARCELS = {"a": (450, 400, 550, 500), "b": (900, 100, 1000, 200), "c": (1900, 0, 2100, 100)}


@pytest.fixture(scope="module")
def result() -> CheckResult:
    """a half redline, half farmland; b within the boundary; c beyond it."""
    return check(parcels(*(here(*box) for box in PARCELS.values())), LAYERS, as_of=DAY)


def test_pieces_come_back_in_the_crs_of_the_parcels(result: CheckResult) -> None:
    assert result.pieces.crs == result.parcels.crs
    assert result.parcels.crs.to_epsg() == 4518
    (piece,) = result.pieces[result.pieces["kind"] == "ecological_redline"].geometry
    assert shapely.hausdorff_distance(piece, here(450, 400, 500, 500)) < 1e-4  # edges are split every 70 m in between
    assert result.pieces.loc[0, ["feature_id", "class"]].tolist() == ["r1", "水源涵养"]
    outside = result.outside.set_index("parcel_id").geometry
    assert set(outside.index) == {"a", "c"}
    assert shapely.hausdorff_distance(outside["c"], here(*PARCELS["c"])) < 1e-4


def test_planar_areas_are_those_drawn(result: CheckResult) -> None:
    planar = result.parcels.set_index("parcel_id")["planar_area_m2"]
    assert planar.to_dict() == pytest.approx({"a": 10_000, "b": 10_000, "c": 20_000}, rel=1e-12)
    piece = result.pieces.set_index(["parcel_id", "kind"])["planar_area_m2"]
    assert piece["a", "ecological_redline"] == pytest.approx(5_000, abs=CHORDS)
    outside = result.outside.set_index("parcel_id")["planar_area_m2"]
    assert outside.to_dict() == pytest.approx({"a": 10_000, "c": 20_000}, abs=CHORDS)


def test_what_does_not_meet_any_line_has_no_pieces_and_the_columns() -> None:
    stage = Stage.of(parcels(here(2000, 0, 2100, 100)), make_plan(**{RED: [here(0, 0, 9, 9)]}))
    pieces, outside = pieces_frames(stage.laid, stage.land, stage.checked, stage.plan)
    names = ["parcel_id", "kind", "area_m2", "planar_area_m2", "geometry"]
    assert pieces.empty
    assert list(pieces) == [*names[:2], "feature_id", "class", *names[2:]]
    assert list(outside) == names
    assert pieces.crs == outside.crs == stage.laid.frame.crs


# --- lengths ----------------------------------------------------------------------------------------------------------


def test_centre_lines_are_measured_in_true_metres_within_each_line() -> None:
    """600 m along the grid, 100 of them in the redline; the boundary is not in the plan."""
    lines = {key: LAYERS[key] for key in (RED, FARM, "county")}
    road = shapely.LineString([(400, 50), (1000, 50)])
    drawn = parcels(shapely.transform(road, lambda xy: xy + here(0, 0, 1, 1).bounds[:2]), here(0, 0, 10, 10))
    stage = Stage.of(drawn, open_plan(lines), line_width=10.0)
    frame, said = lengths_frame(stage.laid, stage.rows, stage.checked, stage.plan)
    assert frame["parcel_id"].tolist() == ["a"] * 3  # a polygon has no centre line
    true = 1 / scale(700, 50)
    assert frame["total_m"].tolist() == pytest.approx([600 * true] * 3, rel=1e-5)
    found = frame.set_index("kind")["length_m"]
    assert found[RED] == pytest.approx(100 * true, rel=1e-4)
    assert found[FARM] == pytest.approx(300 * true, rel=1e-4)
    assert np.isnan(found[CITY])
    (item,) = said
    assert (item.code, item.feature) == ("LINE_LENGTHS", "a")
    assert item.actual is not None
    assert item.actual.endswith("城镇开发边界 未能核对")


def test_without_linear_projects_nothing_is_measured(stage: Stage) -> None:
    frame, said = lengths_frame(stage.laid, stage.rows, stage.checked, stage.plan)
    assert (list(frame), len(frame), said) == (["parcel_id", "kind", "length_m", "total_m"], 0, [])
