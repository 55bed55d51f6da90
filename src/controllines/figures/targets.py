"""Targets (规划指标): published targets as data, held against measured values (达标、接近、突破; 绿、黄、红).

A 约束性 target must be kept: 绿 if it is kept with a margin, 黄 if it is kept but the margin is smaller than ``close``,
红 as soon as it is not. A 预期性 target is aimed at: 绿 if it is reached, 黄 if no more than ``close`` is missing, else
红. Kept means kept in the decimals the target is printed with: 202.799 keeps 202.80.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import model_validator

from controllines.errors import UsageError
from controllines.figures.numbers import Printed, printed
from controllines.figures.words import factor, unit_pattern
from controllines.kinds import registry
from controllines.strict import Strict, model_of
from controllines.tables import AreaTable
from controllines.texts import TomlError

MET, CLOSE, BROKEN, UNKNOWN = "met", "close", "broken", "unknown"
#: Status, and what tables call it, with its light.
STATUS = {MET: ("达标", "绿"), CLOSE: ("接近", "黄"), BROKEN: ("突破", "红"), UNKNOWN: ("未判定", "—")}
SENSES = {"at_least": "不低于", "at_most": "不高于", "equal": "等于"}
#: A margin smaller than this share of the target is 接近.
CLOSE_SHARE = 0.01
COLUMNS = ("name", "place", "year", "nature", "sense", "target", "unit", "measured", "margin", "margin_share", "status",
           "light", "note", "quote", "source")  # fmt: skip
#: Targets of published plans that come with the package.
PUBLISHED = {"托克逊": "toksun", "喀什": "kashgar"}


class Target(Strict):
    """One ``[[targets]]`` of a file of targets.

    ``name`` is that of the measured value (a control line's Chinese name or key, or any other); ``value`` is text, to
    keep its decimals; ``convention`` is the column of areas it is held against.
    """

    name: str
    nature: Literal["约束性", "预期性"] | None = None
    sense: Literal["at_least", "at_most", "equal"]
    value: str | None = None
    text: str | None = None
    unit: str
    year: int | None = None
    convention: Literal["area_m2", "net_area_m2", "planar_area_m2"] = "area_m2"
    quote: str

    @model_validator(mode="after")
    def _has_figure_or_words(self) -> Target:
        if (self.value is None) == (self.text is None):
            raise ValueError("写 value（目标值）或 text（文字目标），二者取一")
        if self.value is not None and not re.fullmatch(r"\d+(\.\d+)?", self.value):
            raise ValueError(f"value 不是数：{self.value}")
        return self


class Targets(Strict):
    """A file of targets: whose they are, and where they were published."""

    version: str
    place: str
    code: str | None = None
    title: str
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class TargetCheck:
    """Targets against measured values (指标达标情况).

    Attributes
    ----------
    frame : one row for each target: ``name``, ``place``, ``year``, ``nature``, ``sense``, ``target`` as printed,
        ``unit``; ``measured`` and ``margin`` in the unit (positive: kept by so much), ``margin_share`` of the target;
        ``status`` (``met``, ``close``, ``broken``, ``unknown``), ``light`` (绿, 黄, 红), ``note``, ``quote`` and
        ``source`` of the target
    close : share of the target below which a margin is 接近
    """

    frame: pd.DataFrame
    close: float

    @property
    def rule(self) -> str:
        """What 接近 means, in words."""
        share = f"{self.close * 100:g}%"
        return f"接近：约束性指标达标而余量不足目标值的{share}，预期性指标差距不超过{share}；未注明性质的按约束性"

    def _repr_html_(self) -> str:
        colours = {"绿": "#2e7d32", "黄": "#b58900", "红": "#c62828"}
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(value))}</td>" for value in row[:-1])
            + f'<td style="color:{colours.get(row[-1], "#5b6770")}">■ {row[-1]}</td></tr>'
            for row in self.frame[["name", "year", "target", "unit", "measured", "margin", "light"]].to_numpy().tolist()
        )  # fmt: skip
        return f"<p>{self.rule}</p><table>{rows}</table>"


def check_targets(
    targets: str | Path | Targets, measured: object, *, close: float = CLOSE_SHARE, year: int | None = None
) -> TargetCheck:
    """Hold published targets against measured values (指标达标情况).

    Parameters
    ----------
    targets : TOML file, ``"托克逊"`` or ``"喀什"`` (published examples), or Targets
    measured : AreaTable or frame with ``line`` and areas in m² (all rows of a line are added up), or a mapping from
        names to numbers: m² where the unit of the target is one of area, else in the unit of the target
    close : share of the target below which a margin is 接近
    year : only the targets of this year

    Returns
    -------
    TargetCheck

    Raises
    ------
    UsageError
        The file of targets is wrong, or ``measured`` is none of these.
    """
    if not 0 <= close < 1:
        raise UsageError.of("OPTION_VALUE", layer="close", actual=close, expected="0—1")
    given = targets if isinstance(targets, Targets) else read_targets(targets)
    chosen = [target for target in given.targets if year is None or target.year == year]
    rows = [_row(given, target, _measured(measured, target), close) for target in chosen]
    return TargetCheck(pd.DataFrame(rows, columns=list(COLUMNS)), close)


def read_targets(path: str | Path) -> Targets:
    """Read a file of targets.

    Raises
    ------
    UsageError
        ``TARGETS_FILE``: it is missing or wrong.
    """
    packaged = PUBLISHED.get(str(path))
    source = files("controllines").joinpath(f"data/figures/targets/{packaged}.toml") if packaged else Path(path)
    try:
        return model_of(Targets, source.read_bytes())
    except (OSError, TomlError) as error:
        raise UsageError.of("TARGETS_FILE", source=path, actual=str(error)) from None


def _measured(measured: object, target: Target) -> float | None:
    """Return the measured value of a target, None where there is none."""
    names = {target.name} | {alias for key, kind in registry().items() for alias in (key, kind.zh)
                             if target.name in (key, kind.zh)}  # fmt: skip
    frame = measured.frame if isinstance(measured, AreaTable) else measured
    if isinstance(frame, pd.DataFrame):
        rows = frame[frame["line"].isin(names)]
        value = rows[target.convention].sum(skipna=False) if len(rows) else None
    elif isinstance(frame, Mapping):
        value = next((frame[name] for name in names if name in frame), None)
    else:
        raise UsageError.of("OPTION_VALUE", layer="measured", actual=type(measured).__name__,
                            expected="AreaTable、DataFrame、dict")  # fmt: skip
    return None if value is None or value != value else float(value)


def _row(source: Targets, target: Target, value: float | None, close: float) -> tuple[Any, ...]:
    figure = _figure(target)
    shown: float | None = None
    margin, status, note = None, UNKNOWN, "没有量算值"
    if value is not None:
        shown = float(Fraction(value) / figure.factor)
    if target.value is None:
        note = "目标为文字，没有目标值"
    elif value is not None:
        margin, status, note = _judged(target, figure, Fraction(value) / figure.factor, Fraction(close))
    share = None if margin is None or not figure.value else float(margin / figure.value)
    return (target.name, source.place, target.year, target.nature or "未注明", SENSES[target.sense],
            target.value or target.text, target.unit, shown, None if margin is None else float(margin), share, status,
            STATUS[status][1], note, target.quote, source.title)  # fmt: skip


def _figure(target: Target) -> Printed:
    unit = re.fullmatch(unit_pattern(), target.unit, re.IGNORECASE)
    return printed(target.value or "0", target.unit, factor(unit[1] or "", unit[2]) if unit else Fraction(1))


def _judged(target: Target, figure: Printed, value: Fraction, close: Fraction) -> tuple[Fraction, str, str]:
    """Return the margin (positive: kept), the status, and the reason."""
    off = value - figure.value
    margin = {"at_least": off, "at_most": -off, "equal": -abs(off)}[target.sense]
    kept, reach = margin >= -figure.slack, close * figure.value
    if target.nature == "预期性":
        if kept:
            return margin, MET, ""
        return (margin, CLOSE, "差距在接近的范围内") if -margin <= reach else (margin, BROKEN, "未达到")
    if not kept:
        return margin, BROKEN, ""
    tight = target.sense != "equal" and margin < reach
    return (margin, CLOSE, "达标，余量小") if tight else (margin, MET, "")
