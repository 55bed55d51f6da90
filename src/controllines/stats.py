"""Statistics (统计): how much of each line lies in which unit, and the books balance.

The land of a line is counted once, cut by the first unit layer, its pieces by the second, and so on; what lies
outside all units of a layer is a row of its own, so the rows always add up to the line.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from controllines.area import planar_area_of_plane
from controllines.errors import UsageError
from controllines.layers import Layer, net_factors
from controllines.partition import by_units, every_unit, plane_of_layer
from controllines.plans import layer_of, open_plan, said_of
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
    lines = [layer_of(opened, name) for name in ([of] if isinstance(of, str) else of)]
    units = [layer_of(opened, name) for name in ([by] if isinstance(by, str) else by)]
    if not lines or not units:
        raise UsageError.of("TABULATE_EMPTY")
    frame = pd.concat([_cells(line, units) for line in lines], ignore_index=True)
    return AreaTable(
        frame=frame,
        by=tuple(unit.kind.key for unit in units),
        headings={unit.kind.key: unit.kind.zh for unit in units},
        units={unit.kind.key: every_unit(unit) for unit in units},
        provenance=said_of(opened, (*lines, *units)),
    )


def _cells(line: Layer, units: Sequence[Layer]) -> pd.DataFrame:
    """Return one row per line and combination of units."""
    parts = by_units(line, units)
    area = parts.area
    planar = planar_area_of_plane(parts.geoms, plane_of_layer(line))
    frame = pd.DataFrame(parts.columns | {"area_m2": area, "planar_area_m2": planar})
    frame["net_area_m2"] = _net(line, parts.feature, area)
    order = [f"_{unit.kind.key}" for unit in units]
    names = [name for unit in units for name in (f"{unit.kind.key}_code", unit.kind.key)]
    cells = frame.groupby(order + names, dropna=False).agg(
        area_m2=("area_m2", "sum"), planar_area_m2=("planar_area_m2", "sum"),
        net_area_m2=("net_area_m2", lambda values: values.sum(skipna=False)), pieces=("area_m2", "size"),
    )  # fmt: skip
    cells = cells.reset_index().drop(columns=order)
    cells.insert(0, "line", line.kind.zh)
    return cells


def _net(line: Layer, feature: Array, area: Array) -> Array:
    if "kcxs" not in line.kind.fields:
        return np.full(len(area), np.nan)
    kcxs, _ = net_factors(line)
    return np.asarray(area * (1 - np.where((kcxs >= 0) & (kcxs < 1), kcxs, np.nan)[feature]))
