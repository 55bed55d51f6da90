"""result.json: its schema, its layout, its unrounded numbers."""

from __future__ import annotations

import datetime as dt
import json

import jsonschema
import numpy as np
import pytest

from controllines.errors import OutputError
from controllines.report.resultjson import document, schema, to_bytes, write


def test_result_json_follows_the_published_schema(result):
    jsonschema.Draft202012Validator.check_schema(schema())
    content = json.loads(to_bytes(document(result, [("conflicts.csv", "0" * 64)])))
    jsonschema.Draft202012Validator(schema()).validate(content)
    first = content["parcels"][0]
    assert (first["land"], first["verdict"], first["layers"][0]["verdict"]) == ([], None, None)
    assert first["layers"][2]["features"][0].keys() == {"feature_id", "class", "area_m2"}
    assert content["parcels"][4]["layers"][0]["area_m2"] is None  # no_data: not measured
    assert content["parcels"][-1]["layers"] == []
    assert content["summary"]["parcels"] == {
        "total": 11, "checked": 10, "excluded": 1, "outcomes": {"conflict": 5, "failed": 1, "no_data": 1, "none": 3},
        "levels": {},
    }  # fmt: skip


def test_a_document_written_item_by_item_is_laid_out_like_one(result):
    content = document(result, [("conflicts.csv", "0" * 64)], {"XM-1": "核对表/a.docx"})
    text = to_bytes(content)
    whole = json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True, indent=1) + "\n"
    assert text.decode("utf-8") == whole
    jsonschema.Draft202012Validator(schema()).validate(json.loads(text))
    assert {row["project_id"]: row["form"] for row in json.loads(text)["projects"]}["XM-1"] == "核对表/a.docx"


def test_numbers_survive_unrounded(result):
    content = json.loads(to_bytes(document(result, [])))
    assert [row["area_m2"] for row in content["parcels"][:-1]] == list(result.parcels["area_m2"][:-1])


def test_what_json_cannot_say_becomes_null_or_plain(result):
    content = document(result, [])
    content["provenance"] = dict(content["provenance"]) | {
        "a": [np.float64("nan"), float("inf"), -0.0, np.int64(3), np.bool_(True)], "b": dt.date(2026, 11, 21),
        "c": "\ud800",
    }  # fmt: skip
    said = json.loads(to_bytes(content))["provenance"]
    assert said["a"] == [None, None, 0.0, 3, True]
    assert str(said["a"][2]) == "0.0"
    assert (said["b"], said["c"]) == ("2026-11-21", "\ud800")  # a lone surrogate of a broken file name


@pytest.mark.parametrize(
    ("part", "key", "value", "place"),
    [("parcels", "status", "maybe", "parcel/status"), ("projects", "parcels", "x", "project/parcels"),
     ("schema", None, "other/1", "document/schema")],
)  # fmt: skip
def test_what_does_not_follow_the_schema_is_named_and_not_written(result, tmp_path, part, key, value, place):
    content = document(result, [])
    if key is None:
        content[part] = value
    else:
        content[part][0][key] = value
    with pytest.raises(OutputError, match=place) as caught:
        write(content, tmp_path / "result.json")
    assert caught.value.finding.code == "OUTPUT_SCHEMA"


def test_lines_sum_what_was_measured(result):
    """Redline: one parcel beside TKX-002 lies in it, 0.08 m² of TKX-007; what was not measured is left out."""
    lines = {entry["kind"]: entry for entry in document(result, [])["summary"]["lines"]}
    rows = result.overlaps[result.overlaps["kind"] == "ecological_redline"]
    assert lines["ecological_redline"]["outcomes"] == {"conflict": 2, "failed": 0, "no_data": 1, "none": 7}
    assert lines["ecological_redline"]["conflict_m2"] == pytest.approx(rows["conflict_m2"].sum())
    assert lines["permanent_farmland"]["outcomes"]["failed"] == 1


def test_open_rules_stand_in_the_trace_and_verdicts_beside_their_lines(two_projects):
    content = json.loads(to_bytes(document(two_projects, [])))
    [project] = [item for item in content["projects"] if item["project_id"] == "P/1"]
    verdicts = {line["kind"]: line["verdict"] for line in project["layers"]}
    assert verdicts["ecological_redline"]["level"] == "clear"
    assert verdicts["permanent_farmland"]["level"] == "undetermined"
    assert "是否为临时用地？" in verdicts["permanent_farmland"]["question"]
    assert {(row["kind"], row["decisive"]) for row in project["verdicts"] if row["level"] == "undetermined"} == {
        ("land_use", True)}  # fmt: skip
    assert project["land"][0]["lines"].keys() == {"ecological_redline", "permanent_farmland", "urban_boundary"}
