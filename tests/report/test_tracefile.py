"""result.trace.json: written line by line, read back by subject."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import controllines as cl
from controllines.errors import UsageError
from controllines.report import tracefile
from controllines.report.tracefile import read_trace, traced


@pytest.fixture(scope="module")
def folder(two_projects: cl.CheckResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("trace")
    tracefile.write(two_projects, place / tracefile.NAME)
    return place


def test_every_parcel_and_project_has_a_line_of_its_own(folder: Path, two_projects: cl.CheckResult) -> None:
    text = (folder / tracefile.NAME).read_text(encoding="utf-8")
    content = json.loads(text)
    assert content["schema"] == "controllines.trace/1"
    assert content["run_id"] == two_projects.provenance["run_id"]
    subjects = [(record["scope"], record["subject_id"]) for record in content["subjects"]]
    assert sorted(subjects) == sorted((case.scope, case.subject_id) for case in two_projects.cases)
    assert len(text.splitlines()) == len(subjects) + 2


def test_records_are_read_back_by_folder_or_result(folder: Path, two_projects: cl.CheckResult) -> None:
    [record] = read_trace(folder, "P/1")
    assert [record] == read_trace(folder / "result.json", "P/1")
    assert json.dumps(record, sort_keys=True) in {json.dumps(made, sort_keys=True) for made in traced(two_projects)}
    levels = {kind["kind"]: kind["level"] for kind in record["kinds"]}
    assert levels["ecological_redline"] == "clear"


def test_without_rules_there_is_nothing_to_trace(result: cl.CheckResult) -> None:
    assert list(traced(result)) == []


def test_a_subject_that_is_not_there_is_named_with_those_that_are(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_trace(folder, "没有")
    found = caught.value.finding
    assert (found.code, found.actual) == ("TRACE_SUBJECT", "没有")
    assert found.expected is not None
    assert {"a", "P/1"} <= set(found.expected.split("、"))


@pytest.mark.parametrize("text", [None, "no json", "[]", '{"schema": "other/1"}'])
def test_what_is_no_trace_is_said(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / tracefile.NAME).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_trace(tmp_path, "a")
    assert caught.value.finding.code == "TRACE_MISSING"
    assert str(tmp_path / tracefile.NAME) == caught.value.finding.source
