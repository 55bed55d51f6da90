"""Drafts of plans: layers recognised by official table names or by kind; what fails is named, the rest is read."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from controllines import io
from controllines.crs import Plane
from controllines.drafts import How, draft_of, laid
from controllines.errors import PlanError
from controllines.packed import Packed
from tests.plan_files import RED, database, frame, toml


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return database(tmp_path)


# --- databases ------------------------------------------------------------------------------------------------


def test_a_geopackage_is_recognised_by_its_tables(data: Path) -> None:
    draft = draft_of(data, {})
    assert draft.spec.name == "三区三线"
    assert {key: layer.frame["class"].iloc[0] for key, layer in draft.read.items()} == {
        "ecological_redline": "水源涵养",
        "permanent_farmland": "0102",
        "urban_boundary": "集中建设区",
        "township": None,
    }
    assert draft.sources == (data,)


def test_an_empty_table_is_a_layer_with_nothing_in_it(data: Path) -> None:
    frame((0, 0, 1, 1), BSM=["x"]).iloc[:0].to_file(data, layer="YJJBNTCBQ", engine="pyogrio")
    draft = draft_of(data, {})
    assert len(draft.read["farmland_reserve"]) == 0
    assert not draft.failed


def test_two_tables_of_one_kind_are_never_chosen_between(data: Path) -> None:
    frame((0, 0, 4, 4), BSM=["old"]).to_file(data, layer="生态保护红线", engine="pyogrio")
    with pytest.raises(PlanError, match="PLAN_TWO_TABLES") as raised:
        draft_of(data, {})
    message = raised.value.finding.message
    assert "STBHHX" in message
    assert message.count("生态保护红线") == 2  # the kind, and the other table


def test_a_database_without_official_tables_lists_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame((0, 0, 4, 4)).to_file(path, layer="红线2", engine="pyogrio")
    with pytest.raises(PlanError, match="PLAN_NO_TABLES") as raised:
        draft_of(path, {})
    assert "红线2" in raised.value.finding.message


def test_a_database_that_cannot_be_read_is_an_error_of_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    path.write_bytes(b"SQLite format 3\0" + b"\0" * 100)
    with pytest.raises(PlanError):
        draft_of(path, {})


# --- plan.toml ------------------------------------------------------------------------------------------------


def test_a_plan_toml_is_a_source_beside_its_files(data: Path) -> None:
    path = toml(data, RED)
    draft = draft_of(path, {"name": "甲"})
    assert (draft.spec.name, draft.sources) == ("甲", (path, data))


def test_a_layer_that_cannot_be_read_stops_no_other(data: Path) -> None:
    draft = draft_of(toml(data, RED + '[layers.urban_boundary]\npath = "没有.gpkg"\n'), {})
    assert list(draft.read) == ["ecological_redline"]
    found = draft.failed["urban_boundary"]
    assert (found.code, Path(found.source or "").name) == ("PLAN_LAYER_FAILED", "没有.gpkg")


def test_a_layer_leaves_the_draft_when_it_is_laid(data: Path) -> None:
    """So that of a large plan one layer at a time is in memory."""
    draft = draft_of(toml(data, RED + '[aliases]\n"甲乡" = "甲镇"\n[layers.township]\npath = "三区三线.gpkg"\n'), {})
    town = laid(draft, "township")
    assert list(draft.read) == ["ecological_redline"]
    assert (town.plane, town.frame["name"].tolist()) == (Plane(89, 43), ["甲镇"])


def test_a_packed_draft_holds_the_same_land(data: Path) -> None:
    plain, packed = (draft_of(data, {}, How(packed=way)) for way in (False, True))
    assert isinstance(packed.read["township"].shapes, Packed)
    assert packed.plane == plain.plane
    ours = [laid(packed, key).geoms for key in list(packed.read)]
    theirs = [laid(plain, key).geoms for key in list(plain.read)]
    assert all(
        shapely.equals_exact(one[slice(0, len(one))], other).all() for one, other in zip(ours, theirs, strict=True)
    )


# --- dictionaries ---------------------------------------------------------------------------------------------


def test_a_dictionary_of_frames_and_paths(data: Path) -> None:
    layers = {"生态保护红线": frame((0, 0, 4, 4), BSM=["r1"]), "urban_boundary": str(data)}
    draft = draft_of(layers, {"county": "650422", "version": "3"})
    assert list(draft.read) == ["ecological_redline", "urban_boundary"]
    assert (draft.spec.county, draft.spec.version) == ("650422", "3")
    assert draft.read["urban_boundary"].frame["feature_id"].tolist() == ["u1"]


def test_a_path_object_in_a_dictionary(data: Path) -> None:
    assert list(draft_of({"urban_boundary": data}, {}).read) == ["urban_boundary"]


def test_a_source_that_was_read_can_be_a_layer(data: Path) -> None:
    (source,) = io.read(data, layer="STBHHX")
    assert draft_of({"ecological_redline": source}, {}).read["ecological_redline"].frame["class"].tolist() == [
        "水源涵养"
    ]


@pytest.mark.parametrize(
    "what",
    [{}, {"red": frame((0, 0, 1, 1))}, {"custom:砂场": frame((0, 0, 1, 1))},
     {"ecological_redline": frame((0, 0, 1, 1)), "生态保护红线": frame((0, 0, 1, 1))},
     {"ecological_redline": frame((0, 0, 1, 1), crs=None)}],
)  # fmt: skip
def test_dictionaries_that_are_no_plan(what: dict[str, object]) -> None:
    with pytest.raises(PlanError):
        draft_of(what, {})


def test_the_plane_is_the_countys() -> None:
    red = frame((-9000, 0, 0, 1))  # nine degrees of longitude to the west
    assert draft_of({"ecological_redline": red, "county": frame((0, 0, 9, 9))}, {}).plane == Plane(89, 43)
    assert draft_of({"ecological_redline": red}, {}).plane == Plane(84, 43)
