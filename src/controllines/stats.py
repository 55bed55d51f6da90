"""Statistics (统计): how much of each line lies in which unit, and the books balance.

The land of a line is counted once, cut by the first unit layer, its pieces by the second, and so on; what lies
outside all units of a layer is a row of its own, so the rows always add up to the line.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from controllines.area import planar_area_of_plane
from controllines.errors import PlanError, UsageError
from controllines.kinds import OUTSIDE_ALL, kind_of
from controllines.layers import Layer, net_factors
from controllines.lengths import is_contact
from controllines.overlay import Pieces, absorb, book_once, split
from controllines.plans import Plan, open_plan
from controllines.tables import AreaTable

Array = np.ndarray


def tabulate(plan: object, *, of: Sequence[str] | str, by: Sequence[str] | str) -> AreaTable:
    """Return the areas of control lines by units (分乡镇、分规划分区面积统计).

    Parameters
    ----------
    plan : Plan, or anything :func:`controllines.plans.open_plan` takes
    of : kinds of lines, English keys or Chinese names
    by : kinds of units, one or more, e.g. ``["乡镇", "规划分区"]``

    Returns
    -------
    AreaTable; areas are official (椭球面积), planar and, for farmland, net of ridges (扣除田坎)

    Raises
    ------
    PlanError
        The plan does not have a layer that is needed.
    """
    opened = open_plan(plan)
    lines = [_layer(opened, name) for name in ([of] if isinstance(of, str) else of)]
    units = [_layer(opened, name) for name in ([by] if isinstance(by, str) else by)]
    if not lines or not units:
        raise UsageError.of("TABULATE_EMPTY")
    frame = pd.concat([_cells(line, units) for line in lines], ignore_index=True)
    return AreaTable(
        frame=frame,
        by=tuple(unit.kind.key for unit in units),
        headings={unit.kind.key: unit.kind.zh for unit in units},
        units={unit.kind.key: _every_unit(unit) for unit in units},
        provenance={
            "plan": opened.spec.model_dump(mode="json"),
            "layers": [{"kind": layer.kind.key, "name": layer.kind.zh, "source": layer.origins[0].path,
                        "sha256": layer.origins[0].sha256, "features": len(layer)} for layer in (*lines, *units)],
            "unmeasured": [layer.kind.zh for layer in (*lines, *units) if not layer.used.all()],
        },
    )  # fmt: skip


def _layer(plan: Plan, name: str) -> Layer:
    kind = kind_of(name, sense="avoid")
    if kind.key in plan.failed:
        raise PlanError(plan.failed[kind.key])
    if kind.key not in plan.layers:
        raise PlanError.of("PLAN_LACKS_LAYER", source=plan.path, layer=kind.zh,
                           actual="、".join(layer.kind.zh for layer in plan.layers.values()))  # fmt: skip
    return plan.layers[kind.key]


def _cells(line: Layer, units: Sequence[Layer]) -> pd.DataFrame:
    """Return one row per line and combination of units."""
    plane = line.plane
    if plane is None:
        raise AssertionError("a plan's layers are laid into its plane")
    rows = np.flatnonzero(line.used)
    whole = Pieces(np.zeros(len(rows), np.int64), rows, line.geoms[rows], np.zeros(len(rows), bool))
    # Land under several farmland features takes the smallest KCXS; for areas the order does not matter.
    factor = net_factors(line)[0][rows]
    once = book_once(whole, priority=np.where(np.isnan(factor), 2.0, factor))[0]
    geoms, feature = once.geoms, once.right
    columns: dict[str, Array] = {}
    for unit in units:
        cut = split(geoms, unit.geoms)
        cut = absorb(cut, is_contact(cut.geoms, plane))
        geoms, feature = cut.geoms, feature[cut.left]
        columns = {name: values[cut.left] for name, values in columns.items()} | _unit_columns(unit, cut.right)
    area = cut.area
    frame = pd.DataFrame(columns | {"area_m2": area, "planar_area_m2": planar_area_of_plane(geoms, plane)})
    frame["net_area_m2"] = _net(line, feature, area)
    order = [f"_{unit.kind.key}" for unit in units]
    names = [name for unit in units for name in (f"{unit.kind.key}_code", unit.kind.key)]
    cells = frame.groupby(order + names, dropna=False).agg(
        area_m2=("area_m2", "sum"), planar_area_m2=("planar_area_m2", "sum"),
        net_area_m2=("net_area_m2", lambda values: values.sum(skipna=False)), pieces=("area_m2", "size"),
    )  # fmt: skip
    cells = cells.reset_index().drop(columns=order)
    cells.insert(0, "line", line.kind.zh)
    return cells


def _every_unit(unit: Layer) -> tuple[tuple[str | None, str | None], ...]:
    pairs = {(code, name) for code, name in zip(unit.frame["code"], unit.frame["name"], strict=True)}
    return tuple(sorted(pairs, key=lambda pair: f"{pair[0] or '~'}|{pair[1]}"))


def _unit_columns(unit: Layer, right: Array) -> dict[str, Array]:
    key, inside = unit.kind.key, right >= 0
    code, name = unit.frame["code"].to_numpy(object), unit.frame["name"].to_numpy(object)
    # One unit may have several features: its first row gives the order of the table, by code where there is one.
    label = pd.Series([f"{c or '~'}|{n}" for c, n in zip(code, name, strict=True)], dtype=object)
    rank: Array = label.rank(method="dense").to_numpy(int)
    return {
        f"_{key}": np.asarray(np.where(inside, rank[right], np.iinfo(np.int64).max)),
        f"{key}_code": np.asarray(np.where(inside, code[right], None), dtype=object),
        key: np.asarray(np.where(inside, name[right], OUTSIDE_ALL), dtype=object),
    }


def _net(line: Layer, feature: Array, area: Array) -> Array:
    if "kcxs" not in line.kind.fields:
        return np.full(len(area), np.nan)
    kcxs, _ = net_factors(line)
    return np.asarray(area * (1 - np.where((kcxs >= 0) & (kcxs < 1), kcxs, np.nan)[feature]))
