"""Where facts come from, and which of two sources holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from controllines.errors import UsageError
from controllines.facts import (
    FormRow,
    catalogue,
    gather,
    write_form,
)
from controllines.parcels import read_parcels
from tests.builders import parcels
from tests.facts.conftest import BOXES, layer


def test_each_source_holds_before_the_next(tmp_path: Path) -> None:
    """Five facts, each said by one source fewer: what is left is said by the highest of them."""
    keys = ["linear", "temporary", "restorable", "conversion", "concrete_works"]
    apply = tmp_path / "申请"
    apply.mkdir()
    data = parcels(BOXES[0], XMBH=["P1"], **{key: ["是"] for key in keys})
    data.to_file(apply / "甲.geojson", driver="GeoJSON")
    (apply / "project.toml").write_text("\n".join(f"{key} = false" for key in keys[:4]), encoding="utf-8")
    (apply / "甲.toml").write_text("\n".join(f"{key} = true" for key in keys[:3]), encoding="utf-8")
    form = write_form(tmp_path / "表.xlsx", [FormRow("P1", facts=dict.fromkeys(keys[:2], False))])
    known = gather(read_parcels(apply / "甲.geojson"), pairs=["线性工程=是"], table=form)
    assert known.of("P1") == {"linear": True, "temporary": False, "restorable": True, "conversion": False,
                              "concrete_works": True}  # fmt: skip
    assert [known.origin("P1", key) for key in keys] == ["--project", "表.xlsx 第 4 行", "甲.toml", "project.toml",
                                                         "甲.geojson 字段 concrete_works"]  # fmt: skip
    assert known.findings == ()
    assert known.frame()["key"].tolist() == [key for key in catalogue() if key in keys]


def test_a_toml_speaks_of_all_its_projects_or_of_one(tmp_path: Path) -> None:
    parcels(*BOXES, XMBH=["P1", "P2", "P3"]).to_file(tmp_path / "甲.geojson", driver="GeoJSON")
    lines = ['"项目类别" = "光伏"', "[projects.P2]", 'category = "采矿"', '"认定意见范围" = "范围.shp"']
    (tmp_path / "甲.toml").write_text("\n".join(lines), encoding="utf-8")
    known = gather(read_parcels(tmp_path / "甲.geojson"))
    assert [known.of(project).get("category") for project in ("P1", "P2", "P3")] == ["photovoltaic", "mining",
                                                                                    "photovoltaic"]  # fmt: skip
    assert known.of("P2")["er_recognition_area"] == str(tmp_path / "范围.shp")
    assert known.findings == ()
    (tmp_path / "甲.toml").write_text("\n".join([*lines, "[projects.P7]"]), encoding="utf-8")
    notes = gather(read_parcels(tmp_path / "甲.geojson")).findings
    assert [(note.code, note.feature) for note in notes] == [("FACTS_UNUSED", "P7")]


@pytest.mark.parametrize("text", ["项目类别 = ", "projects = 1", "[projects]\nP1 = 2"])
def test_a_broken_toml_is_named(tmp_path: Path, text: str) -> None:
    parcels(BOXES[0]).to_file(tmp_path / "甲.geojson", driver="GeoJSON")
    (tmp_path / "project.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="FACTS_TOML") as caught:
        gather(read_parcels(tmp_path / "甲.geojson"))
    assert caught.value.finding.source == str(tmp_path / "project.toml")


def test_columns_that_contradict_each_other_leave_the_fact_open() -> None:
    known = gather(layer(项目类别=["光伏", "采矿", "光伏"], linear=["是", "是", None]))
    assert known.of("P1") == {"linear": True}
    assert known.of("P2") == {"category": "photovoltaic"}
    assert [(item.code, item.feature) for item in known.findings] == [("FACT_CONTRADICTS", "P1")]
    assert "光伏" in known.findings[0].message
    assert "采矿" in known.findings[0].message


def test_a_value_that_nobody_knows_in_a_column_costs_that_fact_only() -> None:
    known = gather(layer(项目类别=["园区", None, "光伏"], 临时用地=[1.0, None, 0.0]))
    assert (known.of("P1"), known.of("P2")) == ({"temporary": True}, {"category": "photovoltaic", "temporary": False})
    assert [(item.code, item.feature, item.actual) for item in known.findings] == [("FACT_COLUMN", "a", "园区")]


def test_names_cut_off_by_a_shapefile_are_recognised(tmp_path: Path) -> None:
    folder = tmp_path / "shp"
    folder.mkdir()
    parcels(BOXES[0], XMBH=["P1"], new_construction_land=["是"]).rename(
        columns={"new_construction_land": "new_constr"}
    ).assign(涉及新增建=["是"]).to_file(folder / "甲.shp", encoding="GBK")
    assert gather(read_parcels(folder / "甲.shp")).of("P1") == {"new_construction_land": True}


def test_a_mapping_speaks_of_one_project_or_of_every_one() -> None:
    known = gather(layer(), table={"*": {"项目类别": "光伏"}, "P2": {"category": "采矿", "linear": True}, "P9": {}})
    assert (known.of("P1"), known.of("P2")) == ({"category": "photovoltaic"}, {"category": "mining", "linear": True})
    assert [(item.code, item.feature) for item in known.findings] == [("FACTS_UNUSED", "P9")]
    with pytest.raises(UsageError, match="FACT_UNKNOWN"):
        gather(layer(), table={"P1": {"项目": "光伏"}})
    with pytest.raises(UsageError, match="FACT_PAIR"):
        gather(layer(), pairs=["光伏"])


def test_what_a_survey_file_says_of_its_project_is_known(tmp_path: Path) -> None:
    head = "[项目信息]\n项目编号=P7\n项目类别=光伏\ngeometry=x\n临时用地=否\n"
    head += "[属性描述]\n坐标系=2000国家大地坐标系\n几度分带=3\n带号=30\n"
    corners = [(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)]
    points = [f"J{n % 4 + 1},1,{4_738_000 + y},{30_385_000 + x}" for n, (x, y) in enumerate(corners)]
    text = head + "[地块坐标]\n5,1.0,1,甲,面,,光伏,,@\n" + "\n".join(points)
    (tmp_path / "甲.txt").write_text(text, encoding="utf-8")
    known = gather(read_parcels(tmp_path / "甲.txt"))
    assert known.of("P7") == {"category": "photovoltaic", "temporary": False}
