"""Texts and tables of the demo county, as they were looked at: a change in any of them is to be looked at again.

``CONTROLLINES_WRITE_GOLDEN=1 pytest tests/report/test_golden.py`` writes them anew; read the difference first.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import controllines as cl
from controllines.report import forms
from controllines.report.folder import write_report
from controllines.report.model import Report, build
from controllines.report.opinion import opinion
from tests.report.readback import page_data, sheets, shown_text
from tests.test_findings import FORBIDDEN

DEMO = Path(__file__).resolve().parents[2] / "data" / "demo"
GOLDEN = Path(__file__).resolve().parents[1] / "golden"
#: Tables in full; 说明 names versions, 判定 repeats the texts of the rules.
SHEETS = ("总表", "明细", "项目", "问题清单")
#: A form with redline, reserve, boundary and an approval document.
PROJECT = "DEMO2026022"


@pytest.fixture(scope="module")
def result() -> cl.CheckResult:
    here = Path.cwd()
    os.chdir(DEMO)  # paths are printed as given, with the slashes of the system
    try:
        return cl.check("申请", "规划/plan.toml", as_of="2026-11-21")
    finally:
        os.chdir(here)


@pytest.fixture(scope="module")
def report(result: cl.CheckResult) -> Report:
    return build(result)


@pytest.fixture(scope="module")
def out(result: cl.CheckResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden") / "out"
    write_report(result, folder, formats=["xlsx", "html", "csv"])
    return folder


@pytest.fixture(scope="module")
def cells(out: Path) -> dict[str, list[list[Any]]]:
    return sheets(out / "三线核对汇总表.xlsx")


def form(result: cl.CheckResult, report: Report, project_id: str) -> dict[str, Any]:
    project = next(item for item in report.projects if item.project_id == project_id)
    land = result.project_land
    return asdict(opinion(report, project, land[land["project_id"] == project_id]))


def lines_of(value: Any, name: str = "") -> list[str]:
    """Every text of a tree, one a line, with where it stands."""
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in lines_of(item, f"{name}.{key}" if name else key)]
    if isinstance(value, list | tuple):
        return [line for item in value for line in lines_of(item, name)]
    return [f"{name}: {value}"]


def same_as_golden(name: str, text: str, run_id: str) -> None:
    text = text.replace(run_id, "RUN").replace(f"申请{os.sep}", "申请/").replace(f"规划{os.sep}", "规划/")
    path = GOLDEN / name
    if os.environ.get("CONTROLLINES_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text.splitlines() == path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("sheet", SHEETS)
def test_tables(cells: dict[str, list[list[Any]]], result: cl.CheckResult, sheet: str) -> None:
    text = "\n".join(
        "\t".join("" if cell is None else str(cell).replace("\n", "/") for cell in row) for row in cells[sheet]
    )
    same_as_golden(f"demo_{sheet}.tsv", text + "\n", result.provenance["run_id"])


def test_form(result: cl.CheckResult, report: Report) -> None:
    said = [line for line in lines_of(form(result, report, PROJECT)) if not re.search(r"controllines \d|SHA-256", line)]
    same_as_golden("demo_核对表.txt", "\n".join(said) + "\n", result.provenance["run_id"])


def test_no_text_of_the_demo_county_judges(
    out: Path, cells: dict[str, list[list[Any]]], result: cl.CheckResult, report: Report
) -> None:
    texts = [text for project in report.projects for text in lines_of(form(result, report, project.project_id))]
    for name in ("conflicts.csv", "result.json", "result.trace.json"):
        texts += (out / name).read_text(encoding="utf-8").splitlines()
    page = (out / "地图.html").read_text(encoding="utf-8")
    texts += [shown_text(page), json.dumps(page_data(page), ensure_ascii=False)]
    texts += [str(cell) for rows in cells.values() for row in rows for cell in row if cell]
    # quotations of documents keep their words
    plain = [re.sub(r"《[^》]*》|“[^”]*”", "", text) for text in texts]
    assert len(plain) > 5_000
    assert not [(word, text[:120]) for text in plain for word in FORBIDDEN if word in text]


def test_every_project_has_a_form_with_a_name_of_its_own(report: Report) -> None:
    names = forms.file_names(report.projects)
    assert len({name.casefold() for name in names}) == len(report.projects)
