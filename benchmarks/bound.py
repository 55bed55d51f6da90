"""Job ``bound``: how far a check and a cross-table are from what no engine on GEOS can do without.

The bound: every tile whose outline crosses that of a parcel must be cut with it. So these pairs are found beforehand,
tiles are clipped to the box of the parcel beforehand, and only ``intersection`` and ``area`` of them are timed, in as
many threads as the engine uses. Finding pairs, reading tiles, predicates, the guard and all bookkeeping cost nothing.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from controllines.conflicts import Workers
from controllines.tiles import Tiles, clipped

from .county import LAYERS, County
from .measure import Runs, Worker, alternate, versions, write
from .ours import Ours
from .peers import Array

CHUNK = 512


class Bounded(Ours):
    """Ours, prepared, which also does only what cannot be left out."""

    def bound(self) -> float:
        """Return seconds of the cuts that cannot be left out, over all layers."""
        return sum(self._cuts(self.land.geoms, kind) for kind in LAYERS)

    def _cuts(self, geoms: Array, kind: str) -> float:
        tiles = self.plan.layers[kind].in_plane
        assert isinstance(tiles, Tiles)
        boxes = shapely.bounds(geoms)
        left, tile = tiles.meeting(boxes)
        land, parts = geoms[left], clipped(tiles.geoms(tile), boxes[left])
        shapely.prepare(land)
        cross = shapely.intersects(land, parts) & ~shapely.covers(land, parts) & ~shapely.touches(land, parts)
        shapely.destroy_prepared(land)
        cross &= ~shapely.covers(parts, land)
        land, parts = land[cross], parts[cross]
        chunks = [slice(n, n + CHUNK) for n in range(0, len(land), CHUNK)]
        with Workers().pool() as each:
            begin = time.perf_counter()
            list(each(lambda rows: shapely.area(shapely.intersection(land[rows], parts[rows])), chunks))
            return time.perf_counter() - begin


def bound(county: County, out: Path, *, counts: list[int], rounds: int, budget_s: float) -> list[dict[str, Any]]:
    """Compare the prepared check with its bound."""
    worker = Worker("ours", Bounded, county, prepared=True)
    rows = []
    for count in counts:
        worker.call("load", count)
        runs = [Runs(method, worker, method) for method in ("areas", "overlaps")]
        alternate(runs, rounds=rounds, budget_s=budget_s, warm=True)
        least = float(np.median([worker.call("bound").value for _ in range(rounds)]))
        rows += [{"parcels": count, "asked": run.label, "ms": run.median * 1000, "bound ms": least * 1000,
                  "× bound": run.median / least, "note": run.error} for run in runs]  # fmt: skip
    worker.close()
    write(out, f"bound-{county.label}", rows, versions())
    return rows
