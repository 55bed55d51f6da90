from __future__ import annotations

import csv
import io
import json
import re
from decimal import ROUND_HALF_UP, Decimal
from html.parser import HTMLParser

import geopandas as gpd
import openpyxl
import pytest

from controllines.report import FormOptions, write_report

FORBIDDEN = ("同意", "不同意", "不予", "准予", "通过", "合格", "违法", "无冲突")


@pytest.fixture(scope="module")
def out(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "out"
    write_report(result, folder)
    return folder


@pytest.fixture(scope="module")
def book(out):
    return openpyxl.load_workbook(out / "三线核对汇总表.xlsx")


@pytest.fixture(scope="module")
def content(out):
    return json.loads((out / "result.json").read_bytes())


@pytest.fixture(scope="module")
def page(out) -> str:
    return (out / "地图.html").read_text(encoding="utf-8")


def page_data(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S).group(1))


def table(sheet, first: int) -> list[list]:
    """Cells from row ``first`` (from 1) to the first empty or total row."""
    rows = []
    for row in sheet.iter_rows(min_row=first):
        if row[0].value in (None, "合计"):
            break
        rows.append([cell.value for cell in row])
    return rows


def ha(m2: float) -> Decimal:
    return (Decimal(repr(m2)) / 10_000).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def test_sheets_headings_and_frozen_heads(book):
    assert book.sheetnames == ["总表", "明细", "图斑", "单元", "项目", "问题清单", "说明"]
    for sheet in book:
        assert sheet["A1"].value.startswith("三条控制线套合核对")
        assert "合成数据，仅供演示" in sheet["A2"].value
        assert sheet.freeze_panes is not None
        assert sheet.auto_filter.ref
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.print_title_rows
        assert "不代替自然资源主管部门的审查意见" in sheet.oddFooter.left.text
    for sheet in book.worksheets[:5]:
        assert "面积口径：椭球面积" in sheet["A2"].value


def test_parcel_figures_are_the_rounded_ones_of_json(book, content):
    rows = table(book["总表"], 5)
    assert [row[1] for row in rows] == [parcel["parcel_id"] for parcel in content["parcels"]]
    for row, parcel in zip(rows, content["parcels"], strict=True):
        for cell, key in ((row[6], "planar_area_m2"), (row[7], "area_m2")):
            expected = "—" if parcel[key] is None else float(ha(parcel[key]))
            assert cell == expected


def test_figures_are_the_same_in_xlsx_and_html(book, page):
    data = page_data(page)
    assert [(row[0], row[1]) for row in table(book["总表"], 5)] == [(p["serial"], p["id"]) for p in data["parcels"]]
    detail = iter(table(book["明细"], 4))
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
    layers = [(parcel, layer) for parcel in content["parcels"] for layer in parcel["layers"]]
    assert len(rows) == len(layers)
    for row, (parcel, layer) in zip(rows, layers, strict=True):
        assert row["parcel_id"].removeprefix("'") == parcel["parcel_id"]
        assert (row["kind"], row["outcome"]) == (layer["kind"], layer["outcome"])
        assert row["note"] == "合成数据，仅供演示"
        for key in ("area_m2", "conflict_m2", "net_area_m2", "clearance_m"):
            assert row[key] == ("" if layer[key] is None else repr(layer[key]))
    pieces = gpd.read_file(out / "conflicts.gpkg", layer="pieces")
    features = [feature["area_m2"] for _, layer in layers for feature in layer["features"]]
    assert sorted(pieces["area_m2"]) == sorted(features)


def test_totals_are_the_sums_of_the_cells(book):
    for name, first in (("总表", 5), ("图斑", 4), ("单元", 4), ("项目", 5)):
        sheet = book[name]
        rows = table(sheet, first)
        last = [cell.value for cell in sheet[first + len(rows)]]
        assert last[0] == "合计"
        summed = 0
        for number, value in enumerate(last):
            if isinstance(value, float | int):
                summed += 1
                cells = [row[number] for row in rows if isinstance(row[number], float | int)]
                assert sum(Decimal(str(cell)) for cell in cells) == Decimal(str(value))
        assert summed >= 2


def test_pieces_of_a_line_add_up_to_its_figure(book):
    inside = {(row[0], row[2]): row[4] for row in table(book["明细"], 4)}
    pieces = [row for row in table(book["图斑"], 4) if row[0] == "TKX-004"]
    assert len(pieces) == 2
    assert sum(Decimal(str(row[5])) for row in pieces) == Decimal(str(inside["TKX-004", "城镇开发边界"]))


def test_ids_and_formulas_are_text(book, hostile):
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert not [cell for cell in cells if cell.hyperlink]
    texts = {cell.value for cell in cells}
    assert hostile["formula"] in texts
    assert hostile["html"] in texts
    assert "响铃[31m反" in texts
    assert any(hostile["template"] in str(text) for text in texts)
    assert hostile["long"] in texts


def test_csv_never_starts_a_formula(make_result, tmp_path, hostile):
    result = make_result()
    for number, key in enumerate(("formula", "plus", "minus", "at", "tab")):
        result.parcels.loc[number, "name"] = hostile[key]
    result.parcels.loc[5, "name"] = "\r=1"
    write_report(result, tmp_path / "out", formats=[])
    text = (tmp_path / "out" / "conflicts.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    names = {row[1] for row in rows}
    assert {"'" + hostile[key] for key in ("formula", "plus", "minus", "at", "tab")} <= names


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_html_has_only_its_own_elements(page):
    found = _Elements()
    found.feed(page)
    scripts = [attrs for tag, attrs in found.tags if tag == "script"]
    assert [attrs.get("type") for attrs in scripts] == ["application/json", None, None]
    assert not [tag for tag, attrs in found.tags if tag in ("img", "iframe", "object", "embed", "base")]
    names = {name for _, attrs in found.tags for name in attrs}
    assert not [name for name in names if name.startswith("on") or name in ("style", "src")]
    policy = next(attrs["content"] for tag, attrs in found.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "url(" not in page
    assert "sourceMappingURL" not in page
    assert "Volodymyr" in page  # Leaflet's licence goes with its code


def test_outputs_are_free_of_judgements(book, page, out):
    data = page_data(page)
    texts = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row if cell.value]
    texts += [re.sub(r"<(script|style).*?</\1>", "", page, flags=re.S), json.dumps(data, ensure_ascii=False)]
    texts.append((out / "conflicts.csv").read_text(encoding="utf-8"))
    assert not [(word, text[:80]) for text in texts for word in FORBIDDEN if word in text]


def test_disclaimer_in_xlsx_and_html(book, page):
    start = "本核对结果由软件按所列数据版本和规则生成，供初步筛查和人工复核使用"
    assert start in page
    for sheet in book:
        assert any(str(row[0].value).startswith(start) for row in sheet.iter_rows())


def test_findings_are_grouped_with_exact_counts(book):
    rows = table(book["问题清单"], 4)
    assert [(row[0], row[1], row[8]) for row in rows] == [
        ("错误", 1, "GEOMETRY_COLLAPSED"), ("已修复", 2, "GEOMETRY_REPAIRED"),
    ]  # fmt: skip
    assert "（88.5, 42.8）" in rows[1][7]


def test_notes_trace_the_run(book):
    notes = {row[0]: row[1] for row in table(book["说明"], 4)}
    assert notes["核对编号"] == "0123456789ab"
    assert notes["未作核对"] == "自然保护地"
    assert "2022年批准启用成果" in notes["图层：生态保护红线"]
    assert "ab" * 32 in notes["申报文件：申请/2026/一批.txt"]
    assert "controllines 0.1.0" in notes["软件版本"]


def test_marking_stands_on_every_sheet_and_on_the_page(make_result, tmp_path):
    write_report(make_result(), tmp_path / "out", form=FormOptions(marking="内部资料&L"))
    for sheet in openpyxl.load_workbook(tmp_path / "out" / "三线核对汇总表.xlsx"):
        assert "内部资料&L" in sheet["A2"].value
        assert "内部资料&&L" in sheet.oddHeader.left.text
    page = (tmp_path / "out" / "地图.html").read_text(encoding="utf-8")
    assert '<p class="marking">内部资料&amp;L</p>' in page
    assert "内部资料&L" in (tmp_path / "out" / "conflicts.csv").read_text(encoding="utf-8")
