"""conflicts.csv: safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io

from controllines.report import write_report


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
