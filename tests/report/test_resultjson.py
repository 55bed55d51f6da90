"""result.json: its schema, its layout, its unrounded numbers."""

from __future__ import annotations

import json

import jsonschema

from controllines.report.resultjson import document, schema, to_bytes


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
