"""The exceptions. Every one carries a finding: file, layer, feature, value, limit and next step."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import Self

from controllines.findings import Finding, finding

_WINDOWS = os.name == "nt"
#: Characters of a path that Windows takes unless it is told otherwise.
_LONGEST_PATH = 260


class ControlLinesError(Exception):
    """Base of all errors of this package.

    Attributes
    ----------
    finding : what happened, where, and what to do
    causes : the findings behind it, where there are several
    """

    def __init__(self, what: Finding, causes: tuple[Finding, ...] = ()) -> None:
        super().__init__(str(what))
        self.finding = what
        self.causes = causes

    @classmethod
    def of(cls, code: str, **where: object) -> Self:
        """Build the error from a code of the catalogue (arguments as in :func:`controllines.findings.finding`)."""
        return cls(finding(code, **where))  # type: ignore[arg-type]

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.finding, self.causes)


class UsageError(ControlLinesError):
    """The call itself is wrong (command line: exit code 2)."""


class InputError(ControlLinesError):
    """An input file, layer or feature cannot be used."""


class CRSError(InputError):
    """The coordinate reference system is missing, contradictory or not allowed (坐标系缺失、矛盾或不受支持)."""


class GeometryError(InputError):
    """A geometry cannot be used and cannot be repaired."""


class PlanError(ControlLinesError):
    """The plan cannot be used at all (exit code 4)."""


class OutputError(ControlLinesError):
    """The outputs could not be written; nothing was left half done (exit code 5)."""


def reason(error: BaseException) -> str:
    """Return what the system says of a failure, with the name of the file it is about.

    On Windows a file that another program has open can be neither replaced nor moved, and one whose path is too long
    "does not exist": the reader must be told which file, and why.
    """
    if not isinstance(error, OSError):
        return str(error) or type(error).__name__
    said = error.strerror or str(error) or type(error).__name__
    place = str(error.filename or "")
    if _WINDOWS and len(place) >= _LONGEST_PATH:
        said = f"路径有 {len(place)} 个字符，Windows 缺省不超过 {_LONGEST_PATH} 个，请换较短的文件夹（{said}）"
    return f"{PurePath(place).name}：{said}" if place else said
