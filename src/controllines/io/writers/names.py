"""Names and texts that a format cannot take as they are: cut and told, never lost in silence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from controllines.io.writers.sheet import Names

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
#: Characters that no file name has on Windows, and what would lead out of the folder.
_FILE = re.compile(r'[\\/:*?"<>|\x00-\x1f]')
#: Names of devices: on Windows a file cannot have them, with any suffix.
_DEVICE = re.compile(r"(?i)^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d¹²³])\s*(\.|$)")


def field_names(columns: Iterable[str], rule: Names, encoding: str) -> dict[str, str]:
    """Return the field name for each column, in order: unique and as the format takes it.

    Examples
    --------
    >>> field_names(["永久基本农田图斑编号", "永久基本农田面积"], Names(longest=10), "GBK")
    {'永久基本农田图斑编号': '永久基本农', '永久基本农田面积': '永久基本_1'}
    """
    taken = set(rule.reserved)
    names = {}
    for column in columns:
        wanted = re.sub(r"\W", "_", column) if rule.identifier else column
        wanted = f"F{wanted}" if rule.identifier and not wanted[:1].isalpha() else wanted or "F"
        names[column] = _unique(wanted, taken, key=str if rule.cases else str.casefold,
                                cut=lambda text, room: cut(text, encoding, rule.longest - room) if rule.longest > 0 else text)  # noqa: E501  # fmt: skip
    return names


def _unique(wanted: str, taken: set[str], *, key: Callable[[str], str], cut: Callable[[str, int], str]) -> str:
    name, number = cut(wanted, 0), 0
    while key(name) in taken:
        number += 1
        name = cut(wanted, len(f"_{number}")) + f"_{number}"
    taken.add(key(name))
    return name


def cut(text: str, encoding: str, most: int) -> str:
    """Return the beginning of a text that takes no more than ``most`` bytes, whole characters only."""
    data = text.encode(encoding)
    return text if len(data) <= most else data[:most].decode(encoding, "ignore")


def file_stem(name: str) -> str:
    """Return the name of a layer or a form as part of a file name.

    Examples
    --------
    >>> file_stem("三线: 一/二 "), file_stem("Con"), file_stem("..")
    ('三线_ 一_二', '_Con', '图层')
    """
    return no_device(cut(_FILE.sub("_", name).strip(" ."), "utf-8", 150).rstrip(" .") or "图层")


def no_device(stem: str) -> str:
    """Return a stem that is not the name of a device of Windows."""
    return f"_{stem}" if _DEVICE.match(stem) else stem


def unique_names(names: Iterable[str]) -> list[str]:
    """Return names that differ also on file systems without case."""
    taken: set[str] = set()
    return [_unique(name, taken, key=str.casefold, cut=lambda text, _: text) for name in names]


def without_controls(text: str) -> str:
    """Return a text without control characters, which XML and worksheets do not take."""
    return _CONTROL.sub("", text)
