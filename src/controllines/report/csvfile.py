"""conflicts.csv: every parcel × line, safe to open in a spreadsheet (重叠清单)."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from controllines.report.resultjson import OVERLAPS
from controllines.report.rows import records

if TYPE_CHECKING:
    from controllines.results import CheckResult

#: A cell that starts so would be run as a formula by a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_bytes(result: CheckResult, banners: tuple[str, ...]) -> bytes:
    """Return the table as UTF-8 with BOM: ``overlaps`` with the parcel's name and project.

    ``banners`` (synthetic data, foreign datum) fill the last column ``note`` of every row.
    """
    parcels = {row["parcel_id"]: row for row in records(result.parcels, ("parcel_id", "name", "project_id"))}
    names = {row["project_id"]: row["name"] for row in records(result.projects, ("project_id", "name"))}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("parcel_id", "name", "project_id", "project_name", *OVERLAPS, "note"))
    for row in records(result.overlaps, ("parcel_id", *OVERLAPS)):
        parcel = parcels[row["parcel_id"]]
        lead = (row["parcel_id"], parcel["name"], parcel["project_id"], names.get(parcel["project_id"]))
        writer.writerow(map(_cell, (*lead, *(row[key] for key in OVERLAPS), " ".join(banners))))
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        # the csv module leaves a lone CR unquoted, and readers end the row there
        text = " ".join(value.replace("\x00", "").splitlines())
        return "'" + text if value.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text
    return repr(float(value) + 0.0)  # type: ignore[arg-type]
