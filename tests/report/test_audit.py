"""图文数据核对表.xlsx and figures.json: what is wrong first, targets with their lights, text that stays text."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

import controllines as cl
from controllines.errors import OutputError
from controllines.figures.targets import COLUMNS, TargetCheck
from controllines.report.audit import write_audit
from tests.report.readback import sheets

WRONG, RIGHT = "耕地10.00公顷（160.00亩）。", "林地10公顷（150亩）。"


def audited(folder: Path, text: str) -> cl.FigureAudit:
    (folder / "文本.txt").write_text(text, encoding="utf-8")
    return cl.audit_figures(folder / "文本.txt")


def test_the_folder_holds_both_files_or_those_of_another_audit(tmp_path: Path) -> None:
    audit = audited(tmp_path, "=1+1耕地10.00公顷（160.00亩），林地10公顷（150亩）。")
    written = write_audit(audit, tmp_path / "out")
    assert [path.name for path in written] == ["图文数据核对表.xlsx", "figures.json"]
    said = json.loads(written[1].read_text(encoding="utf-8"))
    assert said["schema"] == "controllines.figures/1"
    assert [check["verdict"] for check in said["checks"]] == ["differs", "agrees"]
    assert said["files"][0]["path"] == "图文数据核对表.xlsx"
    book = openpyxl.load_workbook(written[0])
    assert book.sheetnames == ["不符与待核实", "全部核对项", "说明"]
    row = [cell.value for cell in book["不符与待核实"][3]]
    assert row[1:4] == [1, "同一面积两种单位", "不符"]
    assert row[7:10] == [10, 0.08, "亩"]
    assert all(cell.data_type != "f" for sheet in book for line in sheet for cell in line)
    assert write_audit(audit, tmp_path / "out") == written  # the same texts again
    other = audited(tmp_path, "耕地1公顷（15亩）。")
    with pytest.raises(OutputError, match="OUTPUT_NOT_EMPTY"):
        write_audit(other, tmp_path / "out")
    write_audit(other, tmp_path / "out", overwrite=True)
    empty = openpyxl.load_workbook(written[0])["不符与待核实"]
    assert empty["A3"].value == "没有此类核对项。"


def test_what_is_wrong_stands_first_and_all_of_it_second(tmp_path: Path) -> None:
    xlsx, mark = write_audit(audited(tmp_path, RIGHT + WRONG), tmp_path / "out")
    cells = sheets(xlsx)
    assert cells["不符与待核实"][0][0] == "图文数据核对表（共核对2处：不符1处，待核实0处，一致1处，未判定0处）"
    assert [row[3] for row in cells["不符与待核实"][2:]] == ["不符"]
    assert [row[3] for row in cells["全部核对项"][2:]] == ["一致", "不符"]
    assert {row[0] for row in cells["全部核对项"][2:]} == {"文本.txt"}  # without its folder
    assert "targets" not in json.loads(mark.read_text(encoding="utf-8"))


def test_notes_say_what_was_read_and_against_which_plan(tmp_path: Path) -> None:
    audit = audited(tmp_path, RIGHT)
    [digest] = [text["sha256"] for text in audit.provenance["texts"]]
    notes = [row[0] for row in sheets(write_audit(audit, tmp_path / "a")[0])["说明"]]
    assert "未提供规划图层，文本未与图核对。" in notes
    assert any(note.startswith("文本：文本.txt　") and digest in note for note in notes)
    planned = audit.provenance | {"plan": {"name": "试县规划", "version": None, "synthetic": True}, "run_id": "other"}
    notes = [
        row[0] for row in sheets(write_audit(dataclasses.replace(audit, provenance=planned), tmp_path / "b")[0])["说明"]
    ]
    assert notes[0] == "合成数据，仅供演示"
    assert any(note.startswith("规划：试县规划　版本：未注明。") for note in notes)


def target(name: str, status: str, light: str, **known: Any) -> dict[str, Any]:
    said = {"name": name, "year": 2035, "nature": "约束性", "sense": "at_least", "target": "55.07", "unit": "平方千米",
            "status": status, "light": light, "note": "", "quote": "=1+1", "source": "规划"}  # fmt: skip
    return dict.fromkeys(COLUMNS) | said | known


def test_targets_have_a_sheet_of_their_own_with_lights(tmp_path: Path) -> None:
    rows = [target("甲", "met", "绿", measured=56.0, margin=0.93),
            target("乙", "broken", "红", measured=50.0, margin=-5.07), target("丙", "unknown", "—")]  # fmt: skip
    held = TargetCheck(pd.DataFrame(rows, columns=list(COLUMNS)), 0.01)
    xlsx, mark = write_audit(audited(tmp_path, RIGHT), tmp_path / "out", targets=held)
    sheet = openpyxl.load_workbook(xlsx)["指标达标情况"]
    assert "不足目标值的1%" in sheet["A2"].value
    head = [cell.value for cell in sheet[3]]
    shown = [dict(zip(head, row, strict=True)) for row in sheet.iter_rows(min_row=4, values_only=True)]
    assert [(row["指标"], row["结论"], row["量算值"], row["余量"]) for row in shown] == [
        ("甲", "达标", 56.0, 0.93), ("乙", "突破", 50.0, -5.07), ("丙", "未判定", "—", "—")]  # fmt: skip
    assert [sheet.cell(row, 9).fill.start_color.rgb[2:] for row in (4, 5, 6)] == ["C8E6C9", "FFCDD2", "ECEFF1"]
    assert sheet.cell(4, 11).data_type == "s"  # =1+1 is a quotation, no formula
    assert json.loads(mark.read_text(encoding="utf-8"))["targets"]["close"] == 0.01
