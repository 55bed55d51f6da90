"""Documents of a run read back, as their programs would."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import openpyxl
from docx import Document


def texts(path: Path | io.BytesIO) -> str:
    """Everything Word shows of the body, cell by cell."""
    document = Document(path if isinstance(path, io.BytesIO) else str(path))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def page_data(page: str) -> dict[str, Any]:
    """The data of 地图.html."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])


def shown_text(page: str) -> str:
    """The page without its code and looks."""
    return re.sub(r"<(script|style).*?</\1>", "", page, flags=re.S)


def sheets(path: Path) -> dict[str, list[list[Any]]]:
    """The cells of every sheet of a workbook."""
    # not read_only: it keeps the file open
    book = openpyxl.load_workbook(path)
    return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book}


def table(rows: list[list[Any]], first: int) -> list[list[Any]]:
    """Rows of a sheet from ``first`` (from 1) to the first empty or total row."""
    body = rows[first - 1 :]
    return body[: next((n for n, row in enumerate(body) if row[0] in (None, "合计")), len(body))]
