"""Variants of unit names (单元名称的异写): proposed in a finding, joined only by ``[aliases]`` of plan.toml."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations

from controllines.findings import Finding, finding
from controllines.layers import Layer
from controllines.roles import as_text

#: Administrative units, whose names are written by hand; zones have names that differ by one character on purpose.
_KINDS = ("county", "township", "village")
_SUFFIXES = (
    "街道办事处",
    "村民委员会",
    "居民委员会",
    "村委会",
    "居委会",
    "办事处",
    "街道",
    "社区",
    "民族乡",
    "乡",
    "镇",
    "村",
)
#: Characters by which neighbours tell themselves apart: 东村 and 西村 are two.
_APART = frozenset("0123456789零〇一二三四五六七八九十百东西南北中上下前后左右大小新老旧内外甲乙丙丁")
#: A shorter name without its suffix says too little for one other character to mean the same.
_SHORTEST = 2


def with_variants(layer: Layer) -> Layer:
    """Return a layer of units with a finding for every two names that may mean one unit.

    Only units without a code are looked at: codes decide before names do.
    """
    if layer.kind.key not in _KINDS:
        return layer
    codes, names = as_text(layer.frame["code"]), as_text(layer.frame["name"])
    pairs = alike({name for code, name in zip(codes, names, strict=True) if name and not code})
    return replace(layer, findings=(*layer.findings, *(_proposal(layer, *pair) for pair in pairs)))


def _proposal(layer: Layer, one: str, other: str) -> Finding:
    origin = layer.origins[0] if layer.origins else None
    return finding("UNIT_NAME_VARIANT", source=origin and origin.path, layer=(origin and origin.layer) or layer.kind.zh,
                   actual=one, expected=other)  # fmt: skip


def alike(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs of names that differ in their suffix (夏乡, 夏镇) or in one character (夏玛勒乡, 夏马勒乡).

    Examples
    --------
    >>> alike(["夏乡", "夏镇", "东风村", "西风村"])
    [('夏乡', '夏镇')]
    """
    same: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(names)):
        stem = _stem(name)
        same[stem].append(name)
        if len(stem) >= _SHORTEST + 1:
            for at, letter in enumerate(stem):
                if letter not in _APART:
                    same[f"{stem[:at]}*{stem[at + 1 :]}"].append(name)
    found = {pair for group in same.values() for pair in combinations(dict.fromkeys(group), 2)}
    return sorted(found)


def _stem(name: str) -> str:
    suffix = next((suffix for suffix in _SUFFIXES if name.endswith(suffix) and name != suffix), "")
    return name.removesuffix(suffix)
