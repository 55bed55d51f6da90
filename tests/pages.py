"""Pages of the documentation in tests: their blocks, links and headings, read as GitHub and MyST read them."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
#: Made while the site is built (docs/make_pages.py), so no files of the repository.
GENERATED = tuple(DOCS / place for place in ("reference", "notebooks", "en/reference", "en/notebooks"))

_FENCE = re.compile(r"^(?P<mark>`{3,}|:{3,})(?P<language>\S*)[^\n]*\n(?P<body>.*?)^(?P=mark)\s*$", re.M | re.S)
_LINK = re.compile(r"(?<!\\)!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_NAMED = re.compile(r"^# (\S+\.(?:toml|txt))\n")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language and text."""

    page: Path
    language: str
    text: str

    @property
    def commands(self) -> list[list[str]]:
        """The words of each controllines command of a shell block; a comment ends a line."""
        lines = self.text.replace("\\\n", " ").splitlines() if self.language in {"sh", "bash", ""} else []
        words = [shlex.split(line, comments=True) for line in lines if line.startswith("controllines ")]
        return [line[1:] for line in words]

    @property
    def file(self) -> str | None:
        """The file that a block is to be saved as: ``# name.toml`` on its first line."""
        found = _NAMED.match(self.text) if self.language in {"toml", "text"} else None
        return found[1] if found else None

    @property
    def content(self) -> str:
        """What is to be saved: TOML keeps the line with the name, which is a comment of it."""
        return _NAMED.sub("", self.text) if self.language == "text" else self.text


def pages() -> list[Path]:
    """Every written page: the two READMEs and docs/**.md but for generated ones."""
    found = sorted(path for path in DOCS.rglob("*.md") if path.parent not in GENERATED)
    return [REPOSITORY / "README.md", REPOSITORY / "README.zh-CN.md", *found]


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page, those inside list items too."""
    text = re.sub(r"(?m)^ {3}(?=\S)", "", page.read_text(encoding="utf-8"))
    for found in _FENCE.finditer(text):
        yield Block(page, found["language"].strip("{}"), found["body"])


def outline(page: Path) -> list[str]:
    """Return the marks of a page's headings and rows of tables, in order: what two languages have in common."""
    return re.findall(r"(?m)^(#+|\|)(?= )", _FENCE.sub("", page.read_text(encoding="utf-8")))


def links(page: Path) -> Iterator[str]:
    """Yield the local targets of a page's links and pictures."""
    text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text(encoding="utf-8")))
    yield from (target for target in _LINK.findall(text) if not re.match(r"[a-z]+:", target))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MyST make them."""
    heads = re.findall(r"(?m)^#{1,6} (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")))
    return {_slug(re.sub(r"[`*]|\]\([^)]*\)|\[", "", head)) for head in heads}


def _slug(head: str) -> str:
    kept = (c for c in head.strip().lower() if c in "-_ " or unicodedata.category(c)[0] in "LNM")
    return "".join(kept).replace(" ", "-")
