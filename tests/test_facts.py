"""Project facts: the catalogue, names in two languages, which source holds, the form and back."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest
import shapely
import shapely.affinity
from hypothesis import given
from hypothesis import strategies as st

from controllines.errors import InputError, OutputError, UsageError
from controllines.facts import (
    FormRow,
    catalogue,
    form_columns,
    gather,
    named,
    normalise,
    read_form,
    rows_of,
    shown,
    write_form,
)
from controllines.kinds import registry
from controllines.layers import Layer
from controllines.parcels import read_parcels
from controllines.pipeline import check
from tests.builders import here, make_plan, parcels
from tests.test_findings import FORBIDDEN

BOXES = [here(0, 0, 100, 100), here(200, 0, 300, 100), here(400, 0, 500, 100)]

#: The contract and rulebook.md, c1 to c3.
KEYS = {
    "category": ["urban", "village", "rural_dwelling", "single_site", "independent_urban", "facility_agriculture",
                 "photovoltaic", "mining", "plantation", "fishpond", "landscape", "waste_facility", "restoration",
                 "other"],
    "stage": ["preselection", "conversion"],
    "facility": ["planting", "livestock", "aquaculture"],
    "activity": ["none", "patrol_survey_rescue_defence", "residents_existing_use", "archaeology_fossil_heritage",
                 "plantation_forest_management", "limited_tourism_education", "unavoidable_linear_comm_flood_water",
                 "geology_mining_restricted", "ecological_restoration", "border_works", "other_by_law"],
    "er_major_project": ["none", "named_by_ccp_state_council", "military_cmc", "national_plan_transport_water",
                         "national_plan_grid", "national_plan_energy_mining_pipeline_hydro_nuclear",
                         "investment_authority_confirmed", "ndrc_land_guarantee_mechanism"],
    "pbf_major_project": ["none", "named_by_ccp_state_council", "military_cmc", "airport_national_plan",
                          "railway_national_plan", "highway_national_plan", "expressway_provincial",
                          "provincial_road_serving_deep_poverty_area", "energy_national_plan", "water_national_plan",
                          "investment_authority_confirmed"],
}  # fmt: skip
BOOLEANS = {"new_construction_land", "conversion", "concrete_works", "temporary", "restorable", "linear",
            "crossing_without_land", "unavoidable_demonstrated", "damages_plough_layer"}  # fmt: skip


def layer(count: int = 3, **columns) -> Layer:
    return read_parcels(parcels(*BOXES[:count], XMBH=["P1", "P1", "P2"][:count], **columns))


def test_the_catalogue_holds_the_facts_of_the_contract() -> None:
    facts = catalogue()
    assert {key: list(facts[key].values) for key in KEYS} == KEYS
    assert {key for key, fact in facts.items() if fact.type == "bool"} >= BOOLEANS
    assert {key for key, fact in facts.items() if fact.type == "number"} == {"works_period_years"}
    for fact in facts.values():
        assert fact.question.endswith("？")
        assert (fact.role is not None) == (fact.kind is not None) == (fact.type == "file")
        assert fact.kind is None or registry()[fact.kind].is_line


def test_every_enumeration_of_the_rulebook_says_how_well_it_is_known() -> None:
    for key in ("activity", "er_major_project", "pbf_major_project"):
        for value, choice in catalogue()[key].values.items():
            assert (choice.verification is None) == (value == "none")


def test_names_are_unambiguous_and_use_no_word_of_a_decision() -> None:
    names = [name for fact in catalogue().values() for name in (fact.key, fact.zh)]
    assert len(set(names)) == len(names)
    for fact in catalogue().values():
        assert len(set(fact.options)) == len(fact.options)
        assert not [word for word in FORBIDDEN for text in (fact.zh, fact.question, *fact.options) if word in text]


@pytest.mark.parametrize("key", catalogue())
def test_every_name_and_value_is_known_in_both_languages(key: str) -> None:
    fact = catalogue()[key]
    assert named(fact.zh) is named(key) is fact
    for value, choice in fact.values.items():
        assert normalise(fact.zh, choice.zh) == normalise(key, value) == (key, value)
        assert shown(key, value) == choice.zh


@pytest.mark.parametrize(
    ("name", "text", "meant"),
    [
        ("项目类别", "单独选址（交通、能源、水利、军事等）", ("category", "single_site")),
        ("项目类别", " 单独选址 ", ("category", "single_site")),
        ("临时用地", "是", ("temporary", True)),
        ("temporary", False, ("temporary", False)),
        ("linear", "TRUE", ("linear", True)),
        ("使用期限（年）", "１.５", ("works_period_years", 1.5)),
        ("使用期限(年)", 2, ("works_period_years", 2.0)),
        ("认定意见范围", "批件/范围（一）.shp", ("er_recognition_area", "批件/范围（一）.shp")),
    ],
)
def test_normalise(name: str, text: object, meant: tuple[str, object]) -> None:
    assert normalise(name, text) == meant


@pytest.mark.parametrize(
    ("name", "text", "code", "listed"),
    [
        ("项目类型", "光伏", "FACT_UNKNOWN", "category 项目类别"),
        ("category", "园区", "FACT_VALUE", "photovoltaic 光伏"),
        ("temporary", "也许", "FACT_VALUE", "是、否"),
        ("works_period_years", "-1", "FACT_VALUE", "不小于 0"),
        ("works_period_years", "nan", "FACT_VALUE", "不小于 0"),
        ("works_period_years", "1e999", "FACT_VALUE", "不小于 0"),
        ("facility", "", "FACT_VALUE", "planting 种植设施"),
    ],
)
def test_unknown_names_and_values_list_the_valid_ones(name: str, text: str, code: str, listed: str) -> None:
    with pytest.raises(UsageError) as caught:
        normalise(name, text)
    assert caught.value.finding.code == code
    assert listed in caught.value.finding.fix


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


HOSTILE = ["=1+1", "+CMD|' /C calc'!A0", "@x", "<b>&\"'", "_x0041_", "甲\n乙", "-1", "0012", "1.0", "项目（一期）"]


def test_the_form_reads_back_what_was_written(tmp_path: Path) -> None:
    facts = {"category": "independent_urban", "temporary": False, "linear": True, "works_period_years": 1.5,
             "er_major_project": "none", "er_recognition_area": str(tmp_path / "批件" / "范围.shp")}  # fmt: skip
    every = [{key: value} for key, fact in catalogue().items() for value in fact.values]
    rows = [FormRow(name, name, facts) for name in HOSTILE] + [FormRow(f"E{n}", facts=one)
                                                               for n, one in enumerate(every)]  # fmt: skip
    path = write_form(tmp_path / "项目信息表.xlsx", rows)
    boxes = [shapely.affinity.translate(BOXES[0], 200 * n) for n in range(len(rows))]
    taken = read_parcels(parcels(*boxes, XMBH=[row.project_id for row in rows],
                                 DKBH=[f"d{n}" for n in range(len(rows))]))  # fmt: skip
    known = gather(taken, table=path)
    assert known.findings == ()
    assert "甲 乙" in set(taken.frame["project_id"])  # ids are one line
    for row, project in zip(rows, taken.frame["project_id"], strict=True):
        assert known.of(project) == row.facts
    sheet = openpyxl.load_workbook(path)["项目信息"]
    assert {cell.data_type for cells in sheet.iter_rows() for cell in cells} <= {"s", "n"}
    assert [cell.value for cell in sheet[3]] == list(form_columns())


def test_every_choice_has_its_drop_down(tmp_path: Path) -> None:
    path = write_form(tmp_path / "项目信息表.xlsx", [FormRow("P1")])
    book = openpyxl.load_workbook(path)
    sheet, lists = book["项目信息"], book["选项"]
    assert lists.sheet_state == "hidden"
    rules = {str(rule.sqref).partition(":")[0]: rule for rule in sheet.data_validations.dataValidation}
    for cell in sheet[3]:
        fact = named(cell.value)
        if fact is None:
            continue
        rule = rules[f"{cell.column_letter}4"]
        assert rule.prompt == fact.question
        if fact.options:
            column, last = re.fullmatch(r"'选项'!\$([A-Z]+)\$1:\$[A-Z]+\$(\d+)", rule.formula1).groups()
            assert tuple(lists[f"{column}{n}"].value for n in range(1, int(last) + 1)) == fact.options
        assert rule.type == ("list" if fact.options else {"number": "decimal", "file": None}[fact.type])


def test_a_form_is_never_overwritten(tmp_path: Path) -> None:
    path = write_form(tmp_path / "表.xlsx", [FormRow("P1", facts={"temporary": True})])
    before = path.read_bytes()
    with pytest.raises(OutputError, match="FORM_EXISTS"):
        write_form(path, [])
    assert path.read_bytes() == before
    with pytest.raises(OutputError, match="OUTPUT_NOT_WRITTEN"):
        write_form(path / "表.xlsx", [])


@pytest.mark.parametrize(
    ("rows", "code", "told"),
    [
        ([["项目", "项目类别"], ["P1", "光伏"]], "FACTS_FORM", "0 张表"),
        ([["项目编号", "项目类型"], ["P1", "光伏"]], "FACT_UNKNOWN", "项目类型"),
        ([["项目编号", "项目类别"], ["", "光伏"]], "FACTS_FORM", "第 2 行没有项目编号"),
        ([["项目编号", "项目类别"], ["P1", "光伏"], ["P1", "采矿"]], "FACTS_FORM", "第 3 行与第 2 行"),
        ([["项目编号", "项目类别"], ["P1", "园区"]], "FACT_VALUE", "园区"),
    ],
)
def test_a_form_that_cannot_be_used_says_why(tmp_path: Path, rows: list[list[str]], code: str, told: str) -> None:
    path = tmp_path / "表.csv"
    path.write_text("\n".join(",".join(row) for row in rows), encoding="utf-8-sig")
    with pytest.raises(UsageError, match=code) as caught:
        gather(layer(), table=path)
    assert told in str(caught.value)
    assert caught.value.finding.source == str(path)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "甲.geojson"
    parcels(BOXES[0]).to_file(path, driver="GeoJSON")
    with pytest.raises(InputError, match="NOT_A_TABLE"):
        read_form(path)


TEXTS = st.one_of(
    st.text(max_size=20), st.floats().map(repr), st.sampled_from(["是", "光伏", "TRUE", "１２", "不属于"])
)


@given(st.sampled_from(list(catalogue())), TEXTS)
def test_whatever_is_understood_is_shown_and_understood_again(key: str, text: str) -> None:
    try:
        meant = normalise(key, text)
    except UsageError as error:
        refused = error.finding
    else:
        assert normalise(key, shown(*meant)) == meant
        return
    assert refused.code == "FACT_VALUE"
    assert refused.expected == catalogue()[key].valid


def test_what_a_survey_file_says_of_its_project_is_known(tmp_path: Path) -> None:
    head = "[项目信息]\n项目编号=P7\n项目类别=光伏\ngeometry=x\n临时用地=否\n"
    head += "[属性描述]\n坐标系=2000国家大地坐标系\n几度分带=3\n带号=30\n"
    corners = [(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)]
    points = [f"J{n % 4 + 1},1,{4_738_000 + y},{30_385_000 + x}" for n, (x, y) in enumerate(corners)]
    text = head + "[地块坐标]\n5,1.0,1,甲,面,,光伏,,@\n" + "\n".join(points)
    (tmp_path / "甲.txt").write_text(text, encoding="utf-8")
    known = gather(read_parcels(tmp_path / "甲.txt"))
    assert known.of("P7") == {"category": "photovoltaic", "temporary": False}


def test_the_form_in_the_folder_of_the_applications_is_no_application(tmp_path: Path) -> None:
    parcels(BOXES[0], XMBH=["P1"]).to_file(tmp_path / "甲.geojson", driver="GeoJSON")
    form = write_form(tmp_path / "项目信息表.xlsx", [FormRow("P1", facts={"temporary": True})])
    layer = read_parcels(tmp_path, leave_out=[form])
    assert len(layer) == 1
    assert len(read_parcels(tmp_path)) == 2
    assert [(row.project_id, row.facts) for row in rows_of(layer, gather(layer, table=form))] == [
        ("P1", {"temporary": True})
    ]


def test_facts_reach_the_result_and_its_number() -> None:
    plan = make_plan(ecological_redline=[here(0, 0, 50, 100)])
    applied = layer()
    bare = check(applied, plan, as_of="2026-11-21")
    told = check(applied, plan, as_of="2026-11-21", facts={"P1": {"项目类别": "光伏"}, "P9": {}})
    assert bare.facts.empty
    assert told.facts.to_numpy().tolist() == [["P1", "category", "photovoltaic", "facts"]]
    assert told.provenance["run_id"] != bare.provenance["run_id"]
    assert "FACTS_UNUSED" in set(told.findings["code"])
