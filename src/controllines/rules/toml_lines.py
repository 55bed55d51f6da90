"""Where a key stands in a TOML text; tomllib does not say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_TABLE = re.compile(r"\s*(\[{1,2})\s*([^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
Path = tuple[str | int, ...]


def key_lines(text: str) -> dict[Path, int]:
    """Return the line (from 1) of every table and key at the beginning of a line, by its path.

    Inline tables of a multi-line array count where each begins a line; what is in them belongs to them.
    """
    found: dict[Path, int] = {}
    counts: Counter[Path] = Counter()
    table: Path = ()
    last: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        heading, key = _TABLE.match(line), _KEY.match(line)
        if heading:
            table = _parts(heading[2])
            if heading[1] == "[[":
                counts[table] += 1
                table = (*table, counts[table] - 1)
            found.setdefault(table, number)
        elif key:
            last = (*table, *_parts(key[1]))
            found.setdefault(last, number)
        elif line.lstrip().startswith("{"):
            found[*last, counts[last]] = number
            counts[last] += 1
    return found


def line_of(lines: dict[Path, int], path: Sequence[str | int]) -> int:
    """Return the line of a key, or of the nearest table around it that stands on a line of its own."""
    return next((lines[tuple(path[:n])] for n in range(len(path), 0, -1) if tuple(path[:n]) in lines), 1)


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
