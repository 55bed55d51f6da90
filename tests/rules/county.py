"""A county's rule pack as text, and the faults that are found in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from controllines.errors import UsageError
from controllines.findings import Finding
from controllines.rules.packs import load_pack

HEAD = '[pack]\nid = "tkx"\nname = "托克逊县规则包"\nversion = "1"\nextends = "national"\n'

RULE = """
[rules.TKX-01]
title = "戈壁滩单独选址"
line = "urban_boundary"
project = { fact = "category", equals = "single_site" }
level = "conditional"
basis = [
  { document = "LML", article = "第四条", verification = "V" },
]
zh = { fact = "位于边界外{outside}", conclusion = "须落实县级意见" }
en = { fact = "x", conclusion = "y" }
"""

Write = Callable[..., Path]


def faults(path: Path) -> list[Finding]:
    with pytest.raises(UsageError) as caught:
        load_pack(path)
    return [caught.value.finding, *caught.value.causes]


def place(found: Finding) -> tuple[str, int, str]:
    assert found.code == "RULE_PACK"
    assert found.source
    return Path(found.source).name, int(found.layer or 0), found.feature or ""


def told(write: Write, old: str, new: str) -> tuple[tuple[str, int, str], str]:
    """Spoil the rule at one place: where its one fault lies, and what is said of it."""
    assert old in RULE
    [found] = faults(write(HEAD + RULE.replace(old, new)))
    return place(found), found.message


def where(condition: str) -> tuple[str, str]:
    return 'level = "conditional"', f'level = "conditional"\nwhere = {{ {condition} }}'
