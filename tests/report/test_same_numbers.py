"""Every number of the form, the workbook, the page and result.json is the same, read back as their programs would."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from docx import Document

import controllines as cl
from controllines.plans import Plan
from controllines.report import FormOptions, forms
from tests.builders import here, layer, make_plan, parcels, row_ids
from tests.report.readback import page_data, sheets, table

LINES = ("生态保护红线", "永久基本农田", "城镇开发边界")
#: Areas of the card and the column of 明细 that holds the same figure.
CARD = {"重叠面积": 6, "未扣除田坎": 6, "重叠面积（扣除田坎）": 9, "界内面积": 4, "界外面积": 5, "未覆盖面积": 10}
#: Places of 项目 that hold what the form says of each line: result, then areas.
COLUMNS = {
    "生态保护红线": (6, ["重叠"]),
    "永久基本农田": (9, ["重叠", "", "未扣除田坎"]),
    "城镇开发边界": (13, ["界内", "界外"]),
}


def county() -> Plan:
    """A county of 4 km with farmland in squares that have ridges, two zones of the boundary, and a redline ring."""
    squares = [here(x, y, x + 500, y + 500) for x in range(0, 4000, 500) for y in range(0, 4000, 500) if (x + y) % 1500]
    farm = layer(squares, DLBM=["0102"] * len(squares), KCXS=[0.1] * len(squares), BSM=row_ids(len(squares)))
    city = layer([here(500, 500, 1500, 2500), here(1500, 500, 2300, 2500)], GHFQMC=["城镇集中建设区", "城镇弹性发展区"],
                 BSM=["c1", "c2"])  # fmt: skip
    towns = layer([here(0, 0, 2000, 4000), here(2000, 0, 4000, 4000)], XZQDM=["650422100", "650422200"],
                  XZQMC=["托克逊镇", "夏乡"])  # fmt: skip
    use = layer(squares[:30], YDYHFLDM=["0102"] * 30, YDYHFLMC=["水浇地"] * 30, BSM=row_ids(30))
    ring = here(1000, 1000, 3000, 3000).difference(here(1600, 1600, 2500, 2400))
    return make_plan(county=here(0, 0, 4000, 4000), ecological_redline=[ring], permanent_farmland=farm,
                     urban_boundary=city, township=towns, planned_use=use)  # fmt: skip


def applications(count: int, seed: int = 7) -> gpd.GeoDataFrame:
    random = np.random.default_rng(seed)
    shapes = []
    for x, y, w, h, turn in zip(*random.uniform(-50, 4050, (2, count)), *(10 ** random.uniform(0, 2.6, (2, count))),
                                random.uniform(0, 90, count), strict=True):  # fmt: skip
        shapes.append(shapely.affinity.rotate(here(x, y, x + w, y + h), turn))
    declared = [round(shape.area, 0) for shape in shapes]
    ids = [f"N{n:04d}" for n in range(count)]
    return parcels(*shapes, DKBH=ids, XMBH=[f"X{n:04d}" for n in range(count)], MJ=declared, YT=["0102"] * count)


def first_figure(text: str) -> str:
    """The figure a sentence or cell begins with: what stands before 公顷, or the smaller unit it fell back to."""
    text = text.removesuffix("（扣除田坎）")
    found = re.match(r"([\d.]+)公顷", text)
    return str(Decimal(found[1]).normalize()) if found else text


def cell(value: Any) -> str:
    return str(Decimal(repr(value)).normalize()) if isinstance(value, int | float) else str(value)


def ha(m2: float) -> float:
    return float((Decimal(repr(m2)) / 10_000).quantize(Decimal("0.0001"), ROUND_HALF_UP))


def compare(folder: Path) -> int:
    """Compare all documents of a run of one parcel a project; return how many numbers were held against each other."""
    content = json.loads((folder / "result.json").read_bytes())
    cards = page_data((folder / "地图.html").read_text(encoding="utf-8"))["parcels"]
    book = sheets(folder / "三线核对汇总表.xlsx")
    summary, projects = table(book["总表"], 5), {row[1]: row for row in table(book["项目"], 5)}
    detail, units = iter(table(book["明细"], 4)), table(book["单元"], 4)
    count = 0
    for parcel, card, row in zip(content["parcels"], cards, summary, strict=True):
        assert (row[6], row[7]) == (ha(parcel["planar_area_m2"]) or row[6], ha(parcel["area_m2"]) or row[7])
        facts = dict(card["facts"])
        for name, number in (("申报面积", row[5]), ("平面面积", row[6]), ("椭球面积", row[7])):
            assert first_figure(facts[name]) == cell(number)
        count += 5
        sentences = []
        for line, shown in zip(parcel["layers"], card["lines"], strict=True):
            own = next(detail)
            assert (own[0], own[3]) == (parcel["parcel_id"], shown["result"])
            assert own[20] == shown["sentence"]
            sentences.append(own[20])
            count += held(line, shown, own)
        own_units = [unit for unit in units if unit[0] == parcel["parcel_id"]]
        count += form(folder / f"核对表/{parcel['project_id']}.docx", (row, projects[parcel["project_id"]]), sentences,
                      own_units)  # fmt: skip
    assert next(detail, None) is None
    return count


def held(line: dict[str, Any], shown: dict[str, Any], own: list[Any]) -> int:
    """Hold the areas of a card and of result.json against a row of 明细."""
    for name, text in shown["areas"]:
        assert first_figure(text) == cell(own[CARD[name]]), (own, name)
    numbers = 0
    for key, column in (
        ("area_m2", 4),
        ("outside_m2", 5),
        ("conflict_m2", 6),
        ("net_area_m2", 9),
        ("uncovered_m2", 10),
    ):
        if isinstance(own[column], int | float):
            numbers += 1
            # printed figures of a parcel are levelled by one last digit at most
            assert abs(own[column] - (line[key] or 0) / 10_000) < 1.5e-4 + 1e-9
    return numbers + len(shown["areas"])


def form(path: Path, rows: tuple[list[Any], list[Any]], sentences: list[str], units: list[list[Any]]) -> int:
    """Hold a form against the rows of 总表, 项目 and 单元."""
    document = Document(str(path))
    parcel, project = rows
    pairs = {row.cells[0].text: row.cells[1].text for shown in document.tables if len(shown.columns) == 2
             for row in shown.rows}  # fmt: skip
    assert [first_figure(pairs[name]) for name in ("申报面积", "平面面积", "椭球面积")] == [
        cell(n) for n in parcel[5:8]
    ]
    said = [paragraph.text for paragraph in document.paragraphs]
    for sentence in sentences:
        # the zones of the boundary are named for parcels only
        assert any(text.startswith(sentence.split("，其中")[0]) for text in said), sentence
    lines = next(shown for shown in document.tables if shown.rows[0].cells[1].text == "套合结果")
    count = 3
    for row in lines.rows[1:4]:
        start, labels = COLUMNS[row.cells[0].text]
        result, *areas = row.cells[1].text.split("\n")
        assert result == project[start]
        if areas:
            wanted = [(label, cell(project[start + 1 + n])) for n, label in enumerate(labels) if label]
            assert [(label, first_figure(text.removeprefix(label))) for (label, _), text in
                    zip(wanted, areas, strict=True)] == wanted  # fmt: skip
            count += len(areas)
    annex = next(shown for shown in document.tables if shown.rows[0].cells[0].text == "序号").rows[1]
    assert [
        Decimal(annex.cells[n].text) if annex.cells[n].text[0].isdigit() and "平" not in annex.cells[n].text else None
        for n in (3, 4, 5)
    ] == [Decimal(cell(n)) if isinstance(n, int | float) else None for n in parcel[5:8]]
    for kind in ("乡镇", "规划用途"):
        mine = [cell(unit[5]) for unit in units if unit[2] == kind]
        parts = [re.search(r"([\d.]+公顷|不足0\.01平方米|[\d.]+平方米)", part) for part in pairs[kind].split("、")]
        assert [first_figure(part[0]) for part in parts] == mine
        count += len(mine)
    return count + 3


def run(count: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(forms, "_picture", lambda *_: (None, []))
    result = cl.check(applications(count), county(), as_of="2026-11-21", project_by="field")
    cl.write_report(result, folder, formats=["docx", "xlsx", "html"], form=FormOptions(docx_for="all"))
    return compare(folder)


def test_numbers_of_a_few_applications_are_the_same_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(15, tmp_path / "out", monkeypatch) > 15 * 25


@pytest.mark.slow
def test_numbers_of_a_thousand_applications_are_the_same_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(1000, tmp_path / "out", monkeypatch) > 1000 * 25


def test_parcel_figures_are_the_rounded_ones_of_json(cells, content):
    rows = table(cells["总表"], 5)
    assert [row[1] for row in rows] == [parcel["parcel_id"] for parcel in content["parcels"]]
    for row, parcel in zip(rows, content["parcels"], strict=True):
        for cell, key in ((row[6], "planar_area_m2"), (row[7], "area_m2")):
            expected = "—" if parcel[key] is None else ha(parcel[key])
            assert cell == expected


def test_figures_are_the_same_in_xlsx_and_html(cells, page):
    data = page_data(page)
    assert [(row[0], row[1]) for row in table(cells["总表"], 5)] == [(p["serial"], p["id"]) for p in data["parcels"]]
    detail = iter(table(cells["明细"], 4))
    compared = 0
    for parcel in data["parcels"]:
        for line in parcel["lines"]:
            row = next(detail)
            assert (row[0], row[3], row[-1]) == (parcel["id"], line["result"], line["sentence"])
            shown = dict(line["areas"])
            for key, cell in (("重叠面积", row[6]), ("未扣除田坎", row[6]), ("界内面积", row[4]), ("界外面积", row[5]),
                              ("重叠面积（扣除田坎）", row[9]), ("未覆盖面积", row[10])):  # fmt: skip
                if key in shown:
                    compared += 1
                    found = re.match(r"([\d.]+)公顷", shown[key])
                    assert cell == (float(found.group(1)) if found else shown[key])
    assert next(detail, None) is None
    assert compared > 40


def test_overlaps_of_csv_json_and_gpkg_are_the_same_numbers(out, content):
    raw = (out / "conflicts.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    lines = [(parcel, line) for parcel in content["parcels"] for line in parcel["layers"]]
    assert len(rows) == len(lines)
    for row, (parcel, line) in zip(rows, lines, strict=True):
        assert row["parcel_id"].removeprefix("'") == parcel["parcel_id"]
        assert (row["kind"], row["outcome"]) == (line["kind"], line["outcome"])
        assert row["note"] == "合成数据，仅供演示"
        for key in ("area_m2", "conflict_m2", "net_area_m2", "clearance_m"):
            assert row[key] == ("" if line[key] is None else repr(line[key]))
    pieces = gpd.read_file(out / "conflicts.gpkg", layer="pieces")
    features = [feature["area_m2"] for _, line in lines for feature in line["features"]]
    assert sorted(pieces["area_m2"]) == sorted(features)
