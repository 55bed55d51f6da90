"""Provenance: what was read, by which rules and versions; the number of the run follows all that can change it."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from controllines.kinds import three_lines
from controllines.layers import lay
from controllines.parcels import read_parcels
from controllines.pipeline import CheckOptions, check
from controllines.plans import open_plan
from controllines.provenance import provenance
from tests.builders import CITY, FARM, LAYERS, RED, here, layer, parcels, write_survey

DAY = "2026-11-21"
TWO = here(0, 0, 10, 10), here(20, 0, 30, 10)
FACTS = ["project_id", "key", "value"]


def known(*rows: tuple[str, str, object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=FACTS)


def said(
    *, drawn: object = None, layers: object = LAYERS, lines: tuple[str, ...] = three_lines(), **changed: Any
) -> dict[str, Any]:
    """Provenance of two parcels over the three lines, but for what is changed."""
    plan = open_plan(layers)
    laid = lay(read_parcels(parcels(*TWO) if drawn is None else drawn), plan.plane)
    given = {"options": {"area": "official"}, "required": lines, "as_of": dt.date(2026, 11, 21), "facts": known()}
    return provenance(laid, plan, [plan.kind(key) for key in lines], **given | changed)


# --- the number of the run ------------------------------------------------------------------------------------------


def test_the_number_of_the_run_repeats() -> None:
    assert said()["run_id"] == said()["run_id"]
    assert len(said()["run_id"]) == 12
    assert int(said()["run_id"], 16) >= 0


CHANGES: dict[str, Callable[[], dict[str, object]]] = {
    "date": lambda: {"as_of": dt.date(2026, 11, 22)},
    "option": lambda: {"options": {"area": "planar"}},
    "lines": lambda: {"lines": (RED,)},
    "a corner": lambda: {"drawn": parcels(TWO[0], here(20, 0, 30, 11))},
    "an id": lambda: {"drawn": parcels(*TWO, DKBH=["a", "c"])},
    "a project": lambda: {"drawn": parcels(*TWO, XMBH=["P1", "P1"])},
    "a line of the plan": lambda: {"layers": LAYERS | {RED: layer([here(0, 0, 500, 1001)], BSM=["r1"])}},
    "a layer less": lambda: {"layers": {key: value for key, value in LAYERS.items() if key != "township"}},
    "a fact": lambda: {"facts": known(("a", "category", "mining"))},
    "a document": lambda: {"documents": [{"layer": "a", "sha256": "00"}]},
    "rules": lambda: {"pack": CheckOptions().pack},
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_number_of_the_run_follows_whatever_can_change_the_result(change: str) -> None:
    assert said(**CHANGES[change]())["run_id"] != said()["run_id"]  # type: ignore[arg-type]


def test_the_width_of_lines_without_one_is_part_of_the_run() -> None:
    plan = open_plan(LAYERS)
    kinds = [plan.kind(RED)]
    runs = []
    for width in (None, 10.0):
        laid = lay(read_parcels(parcels(*TWO), line_width=width), plan.plane)
        runs.append(provenance(laid, plan, kinds, options={}, required=[], as_of=dt.date(2026, 1, 1), facts=known()))
    assert [run["options"]["line_width_m"] for run in runs] == [None, 10.0]
    assert runs[0]["run_id"] != runs[1]["run_id"]


def test_where_files_lie_changes_nothing(tmp_path: Path) -> None:
    here_, there = tmp_path / "甲" / "a.gpkg", tmp_path / "乙" / "a.gpkg"
    for path in (here_, there):
        path.parent.mkdir()
    parcels(*TWO).to_file(here_)
    shutil.copy(here_, there)
    facts = [known(("a", "er_recognition_area", str(path))) for path in (here_, there)]
    runs = [said(drawn=path, facts=fact)["run_id"] for path, fact in zip((here_, there), facts, strict=True)]
    assert runs[0] == runs[1]
    other = said(drawn=here_, facts=known(("a", "er_recognition_area", str(tmp_path / "b.gpkg"))))
    assert other["run_id"] != runs[0]


# --- what is said -----------------------------------------------------------------------------------------------------


def test_lines_that_were_not_checked_are_listed() -> None:
    found = said(layers={key: value for key, value in LAYERS.items() if key != CITY} | {
        "nature_reserve": layer([here(0, 0, 1, 1)], BSM=["n1"]),
    }, lines=(RED, FARM, CITY))  # fmt: skip
    assert found["checked"] == [RED, FARM, CITY]
    assert CITY in found["not_checked"]  # asked for, and not in the plan
    assert "nature_reserve" in found["not_checked"]  # in the plan, and not asked for
    assert not {RED, FARM} & set(found["not_checked"])


def test_a_layer_that_could_not_be_read_is_told_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "红线.gpkg").write_bytes(b"this is no GeoPackage")
    found = said(layers=LAYERS | {RED: tmp_path / "红线.gpkg"})
    entry = next(entry for entry in found["layers"] if entry["kind"] == RED)
    assert entry["path"] == str(tmp_path / "红线.gpkg")
    assert entry["failed"]
    assert RED in found["not_checked"]
    assert [other["failed"] for other in found["layers"] if other["kind"] != RED] == [None] * 4


def test_land_use_is_told_with_its_classification_only_where_there_is_some() -> None:
    assert said()["land_use"] is None
    land = layer([here(0, 0, 100, 100)], DLBM=["0102"])
    assert said(layers=LAYERS | {"land_use": land})["land_use"]["title"] == "三调工作分类"


def test_the_rule_pack_is_recorded() -> None:
    pack = CheckOptions().pack
    assert pack is not None
    assert said(pack=pack)["rule_pack"] == pack.record()
    assert said()["rule_pack"] is None


# --- as far as the result ---------------------------------------------------------------------------------------------


def test_books_close_for_every_file_and_layer(tmp_path: Path) -> None:
    folder = tmp_path / "申请"
    write_survey(folder / "a.txt", [("D1", "", here(0, 0, 10, 10)), ("D2", "", here(20, 0, 30, 10))])
    (folder / "b.txt").write_bytes(b"[\xca\xf4")
    shapes = layer([here(40, 0, 50, 10), None], DKBH=["x", "y"])
    shapes.to_file(folder / "c.gpkg", engine="pyogrio")
    red = layer([here(0, 0, 500, 1000), None], BSM=["r1", "r2"])
    found = check(folder, LAYERS | {"ecological_redline": red}, as_of=DAY)
    inputs = found.provenance["inputs"]
    assert [(Path(i["path"]).name, i["features_in"], i["used"], i["excluded"]) for i in inputs] == [
        ("a.txt", 2, 2, 0), ("b.txt", 1, 0, 1), ("c.gpkg", 2, 1, 1),
    ]  # fmt: skip
    assert all(len(i["sha256"]) == 64 for i in inputs)
    assert sum(i["features_in"] for i in inputs) == len(found.parcels)
    assert sum(i["used"] for i in inputs) == (found.parcels["status"] == "checked").sum()
    layers = {entry["kind"]: entry for entry in found.provenance["layers"]}
    assert list(layers) == list(LAYERS)
    assert [layers["ecological_redline"][k] for k in ("features_in", "used", "excluded")] == [2, 1, 1]
    for entry in layers.values():
        assert entry["features_in"] == entry["used"] + entry["excluded"]
        assert entry["crs"] == "EPSG:4518"


def test_a_check_says_where_its_numbers_came_from() -> None:
    said = check(parcels(here(450, 400, 550, 500)), LAYERS, as_of=DAY).provenance
    assert said["as_of"] == DAY
    assert len(said["run_id"]) == 12
    assert int(said["run_id"], 16) >= 0
    assert said["checked"] == said["required"] == ["ecological_redline", "permanent_farmland", "urban_boundary"]
    assert "nature_reserve" in said["not_checked"]
    assert not set(said["checked"]) & set(said["not_checked"])
    assert {"controllines", "geos", "proj", "shapely"} <= set(said["versions"])
    json.dumps(said, allow_nan=False)
