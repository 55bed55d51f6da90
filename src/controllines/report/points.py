"""Corner points of a run (界址点) as printed: in the form and on the card while they are few, else in the workbook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from controllines.corners import CORNERS, axes, corners_frame
from controllines.report.figures import Figure
from controllines.report.words import clean
from controllines.units import half_up

if TYPE_CHECKING:
    from controllines.results import CheckResult

#: More points of a project than this go into the workbook, not into its form.
FEW = 100
#: A parcel with more points than this is not listed at all: its file is the list.
MOST = 50_000


@dataclass(frozen=True)
class Point:
    """One corner point as printed: 圈号, 点号, coordinates with the decimals handed in, 边长 (m)."""

    ring: str
    name: str
    x: Figure
    y: Figure
    edge: Figure


@dataclass(frozen=True)
class Corners:
    """The corner points of the parcels that were checked.

    Attributes
    ----------
    frame : columns of :func:`controllines.corners.corners_frame`; without parcels that have too many points
    axes : headings of x and y
    counts : parcel → number of its points, closing points included, for every parcel that was checked
    rows : parcel → where its points begin and end in ``frame``
    """

    frame: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(CORNERS)))
    axes: tuple[str, str] = ("", "")
    counts: dict[str, int] = field(default_factory=dict)
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)

    def count(self, parcels: Iterable[str]) -> int:
        """Return how many points some parcels have together."""
        return sum(self.counts.get(parcel, 0) for parcel in parcels)

    def few(self, parcels: Sequence[str]) -> bool:
        """Return whether the points of some parcels fit into a form."""
        return self.count(parcels) <= FEW

    def of(self, parcel: str) -> list[Point]:
        """Return the points of one parcel; none where they are too many."""
        start, stop = self.rows.get(parcel, (0, 0))
        return [_point(row) for row in self.frame.iloc[start:stop].itertuples(index=False, name=None)]


def corners_of(result: CheckResult) -> Corners:
    """Return the corner points of a result; ids as the report prints them."""
    laid = result.applications
    if laid is None:
        return Corners()
    used = np.flatnonzero(laid.used)
    # every ring is closed, so its vertices are its points with the closing one
    numbers = shapely.get_num_coordinates(laid.shapes[used])
    ids = [clean(parcel) for parcel in laid.frame["parcel_id"].to_numpy(object)[used]]
    listed = numbers <= MOST
    frame = corners_frame(laid, used[listed])
    stops = np.cumsum(numbers[listed])
    names = [parcel for parcel, here in zip(ids, listed, strict=True) if here]
    rows = {name: (int(stop - count), int(stop)) for name, stop, count in
            zip(names, stops, numbers[listed], strict=True)}  # fmt: skip
    counts = dict(zip(ids, (int(number) for number in numbers), strict=True))
    return Corners(frame, axes(result.parcels), counts, rows)


def _point(row: tuple[Any, ...]) -> Point:
    _, ring, name, x, y, edge, decimals = row
    length = Figure("") if edge != edge else _figure(str(half_up(edge, "平方米", 2)))
    return Point(str(ring), name, _figure(f"{x:.{decimals}f}"), _figure(f"{y:.{decimals}f}"), length)


def _figure(text: str) -> Figure:
    return Figure(text, Decimal(text))
