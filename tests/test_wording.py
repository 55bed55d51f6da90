"""What a program must not say stands in none of its catalogues: rules, words, findings, facts, kinds, reports."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.test_findings import FORBIDDEN

DATA = Path(str(files("controllines").joinpath("data")))
#: Titles of documents, the wording of clauses, and official lists are quotations.
QUOTED = {"quotation", "title", "codes", "list", "differs", "marks"}


def texts(tree: Any, key: str = "") -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for name, value in tree.items():
            if name not in QUOTED:
                yield from texts(value, name)
    elif isinstance(tree, list):
        for value in tree:
            yield from texts(value, key)


CATALOGUES = sorted(path.relative_to(DATA).as_posix() for path in DATA.rglob("*.toml"))


@pytest.mark.parametrize("name", CATALOGUES)
def test_no_catalogue_says_what_only_an_authority_may(name: str) -> None:
    tree = tomllib.loads((DATA / name).read_text(encoding="utf-8"))
    assert not [(text, word) for text in texts(tree) for word in FORBIDDEN if word in text]


@pytest.mark.parametrize("name", sorted(path.relative_to(DATA).as_posix() for path in DATA.rglob("*.j2")))
def test_no_template_does(name: str) -> None:
    text = (DATA / name).read_text(encoding="utf-8")
    assert not [word for word in FORBIDDEN if word in text]


def test_there_are_catalogues() -> None:
    assert {"rules/words.toml", "report/words.toml", "findings.toml", "facts.toml"} <= set(CATALOGUES)
