"""conflicts.csv: safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io

from controllines.report import write_report
from controllines.report.csvfile import to_bytes


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


def rows_of(raw: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def test_one_row_for_each_parcel_and_line_with_the_names_of_both(result):
    head, *rows = rows_of(to_bytes(result, ("甲", "乙")))
    assert head[:6] == ["parcel_id", "name", "project_id", "project_name", "kind", "outcome"]
    assert [row[0].removeprefix("'") for row in rows] == list(result.overlaps["parcel_id"])
    assert rows[0][:6] == ["TKX-001", "一期厂房", "XM-1", "项目XM-1", "ecological_redline", "none"]
    assert {row[-1] for row in rows} == {"甲 乙"}
    assert {row[-1] for row in rows_of(to_bytes(result, ()))[1:]} == {""}


def test_what_is_not_known_is_empty_and_numbers_are_not_rounded(make_result):
    result = make_result()
    result.overlaps.loc[0, ["area_m2", "conflict_m2"]] = [-0.0, 1 / 3]
    result.parcels.loc[0, "name"] = "一期\n厂房\x00"
    raw = to_bytes(result, ())
    assert raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    head, first, *rows = rows_of(raw)
    found = dict(zip(head, first, strict=True))
    assert (found["area_m2"], found["conflict_m2"]) == ("0.0", "0.3333333333333333")  # no negative zero
    assert found["name"] == "一期 厂房"
    unknown = next(dict(zip(head, row, strict=True)) for row in rows if row[head.index("outcome")] == "failed")
    assert {unknown[key] for key in ("area_m2", "conflict_m2", "share", "depth_m")} == {""}
