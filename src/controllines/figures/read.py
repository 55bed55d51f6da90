"""Texts (文本读取): txt, md and docx as numbered lines and tables.

Tables come as markdown, as lines with tabs, as one cell a line (what word processors leave when a table is saved as
text: each cell behind a tab, a blank line after each row), or as tables of a docx.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controllines.errors import InputError
from controllines.figures.words import NUMBER, bare, plain
from controllines.io import DEFAULT_LIMITS, archive, find_files, formats, gate, txt

SUFFIXES = (".txt", ".md", ".docx")
#: Lines above a table that may say its unit.
_CAPTION = 3


@dataclass(frozen=True)
class Table:
    """A table: its rows of (line, cell), and the lines right above it."""

    rows: tuple[tuple[tuple[int, str], ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Text:
    """One text.

    Attributes
    ----------
    path, sha256, encoding : of the file
    lines : (number, text) of each line; of a docx each paragraph and cell
    tables : tables found in it
    """

    path: Path
    sha256: str
    encoding: str
    lines: tuple[tuple[int, str], ...]
    tables: tuple[Table, ...] = field(default=())


def find_texts(paths: Iterable[str | Path] | str | Path) -> list[Path]:
    """Return the texts to read: files as they are named, of folders and patterns those with a known suffix."""
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    found: dict[Path, None] = {}
    for path in map(Path, given):
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
            found |= dict.fromkeys(file for file in inside if not file.name.startswith((".", "~$")))
        else:
            found |= dict.fromkeys(find_files([path]))
    return list(found)


def read_text(path: Path) -> Text:
    """Read one text.

    Raises
    ------
    InputError
        ``TEXT_SUFFIX``, ``TEXT_UNREADABLE``, ``FILE_UNREADABLE``, ``FILE_CORRUPT``, ``LIMIT_EXCEEDED`` or
        ``DOCX_READER``.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError.of("TEXT_SUFFIX", source=path, actual=path.suffix or path.name, expected="、".join(SUFFIXES))
    try:
        size = path.stat().st_size
        if size > DEFAULT_LIMITS.max_text_bytes:
            raise formats.exceeded(path, "max_text_bytes", DEFAULT_LIMITS.max_text_bytes, size)
        data = path.read_bytes()
    except OSError as problem:
        raise InputError.of("FILE_UNREADABLE", source=path, actual=problem.strerror or str(problem)) from problem
    digest = hashlib.sha256(data).hexdigest()
    if path.suffix.lower() == ".docx":
        lines, tables = _docx(path)
        return Text(path, digest, "docx", tuple(lines), tuple(tables))
    text, encoding = txt.decode(data, path)
    numbered = tuple(enumerate(re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff")), start=1))
    return Text(path, digest, encoding, numbered, tuple(tables_of(numbered)))


def _docx(path: Path) -> tuple[list[tuple[int, str]], list[Table]]:
    try:
        import docx
    except ImportError:
        raise InputError.of("DOCX_READER", source=path) from None
    from docx.opc.exceptions import OpcError
    from lxml.etree import LxmlError  # type: ignore[import-untyped]

    try:
        with zipfile.ZipFile(path) as book:
            members = archive.checked_members(book, path, DEFAULT_LIMITS)
            total = sum(member.file_size for member in members)
            if total > DEFAULT_LIMITS.max_unzipped_bytes:
                raise formats.exceeded(path, "max_unzipped_bytes", DEFAULT_LIMITS.max_unzipped_bytes, total)
            for member in members:
                if member.filename.lower().endswith((".xml", ".rels")):
                    gate.refuse_entities(book.read(member), path)
        with path.open("rb") as stream:
            return _body(docx.Document(stream))
    except (OpcError, LxmlError, zipfile.BadZipFile, zipfile.zlib.error, LookupError, ValueError, EOFError,  # type: ignore[attr-defined]
            NotImplementedError, RuntimeError, AttributeError) as problem:  # fmt: skip
        raise InputError.of("FILE_CORRUPT", source=path, actual=str(problem)[:200] or "docx") from problem


def _body(document: Any) -> tuple[list[tuple[int, str]], list[Table]]:
    from docx.table import Table as WordTable

    lines: list[tuple[int, str]] = []
    tables: list[Table] = []
    for block in document.iter_inner_content():
        if not isinstance(block, WordTable):
            lines.append((len(lines) + 1, block.text))
            continue
        caption = "\n".join(text for _, text in lines[-_CAPTION:])
        rows: list[tuple[tuple[int, str], ...]] = []
        seen: set[Any] = set()
        for row in block.rows:
            cells: list[tuple[int, str]] = []
            for cell in row.cells:
                # A merged cell comes once for each row and column: as a heading it is wanted there, as a figure once.
                again, text = cell._tc in seen, bare(cell.text)
                seen.add(cell._tc)
                if not again:
                    lines.append((len(lines) + 1, text))
                cells.append((len(lines), "" if again and re.fullmatch(rf"{NUMBER}%?", plain(text)) else text))
            rows.append(tuple(cells))
        tables.append(Table(tuple(rows), caption))
    return lines, tables


def tables_of(lines: Sequence[tuple[int, str]]) -> Iterator[Table]:
    """Find the tables of a plain text."""
    position = 0
    while position < len(lines):
        for form in (_markdown, _tabbed, _cell_a_line):
            rows, end = form(lines, position)
            if len(rows) > 1:
                caption = "\n".join(text for _, text in lines[max(0, position - _CAPTION) : position])
                yield Table(tuple(map(tuple, rows)), caption)
                position = end
                break
        else:
            position += 1


Rows = list[list[tuple[int, str]]]


def _markdown(lines: Sequence[tuple[int, str]], start: int) -> tuple[Rows, int]:
    rows: Rows = []
    at = start
    while at < len(lines) and lines[at][1].lstrip().startswith("|"):
        number, text = lines[at]
        cells = text.strip().strip("|").split("|")
        if not all(re.fullmatch(r"\s*:?-+:?\s*", cell) for cell in cells):
            rows.append([(number, bare(cell)) for cell in cells])
        at += 1
    return rows, at


def _tabbed(lines: Sequence[tuple[int, str]], start: int) -> tuple[Rows, int]:
    rows: Rows = []
    at = start
    while at < len(lines) and "\t" in lines[at][1].strip(" \t"):
        number, text = lines[at]
        rows.append([(number, bare(cell)) for cell in text.rstrip("\t").split("\t")])
        at += 1
    return rows, at


def _cell_a_line(lines: Sequence[tuple[int, str]], start: int) -> tuple[Rows, int]:
    rows: Rows = []
    at, row = start, list[tuple[int, str]]()
    while at < len(lines):
        number, text = lines[at]
        cell = bare(text)
        if text.startswith("\t") and "\t" not in text[1:].strip():
            row.append((number, cell))
        elif row and cell:  # a cell of several lines
            row[-1] = (row[-1][0], row[-1][1] + cell)
        elif row:
            rows.append(row)
            row = []
        else:
            break
        at += 1
    return ([*rows, row] if row else rows), at
