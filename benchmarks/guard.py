"""Job ``guard``: what the guard against silently wrong overlays costs, by leaving it out."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import shapely

from .county import County
from .measure import Runs, Worker, alternate, versions, write
from .ours import Ours
from .peers import Array


class Unguarded(Ours):
    """Ours without the guard: cuts and windows are taken as they come, and nothing asks whether interiors meet."""

    def __init__(self, county: County, **options: Any) -> None:
        from controllines import guard, overlay, windows
        from controllines.clean import polygonal
        from controllines.tiles import clipped

        booking = threading.local()  # land under several features must still be found, that is no guard
        overlapping = overlay._overlapping

        def believed(left: Array, right: Array) -> tuple[Array, Array]:
            return guard.attempt(shapely.intersection, left, right)

        def likely(found: Array, *_: Array) -> Array:
            return np.zeros(len(found), bool)

        def taken(geoms: Array, boxes: Array) -> Array:
            return polygonal(clipped(geoms, boxes))

        def halved(geom: shapely.Geometry, both: Array) -> Array:
            return taken(np.full(2, geom), both)

        def unasked(left: Array, right: Array) -> Array:
            return shapely.touches(left, right) if getattr(booking, "now", False) else np.zeros(len(left), bool)

        def booked(*args: Any) -> Any:
            booking.now = True
            found = overlapping(*args)
            booking.now = False
            return found

        overlay.cut, overlay._overlapping, overlay.cut_off = believed, booked, taken
        windows.cut_off, windows._next_to_nothing_or_all, windows._halved = taken, likely, halved
        overlay.shapely = SimpleNamespace(**(vars(shapely) | {"touches": unasked}))
        super().__init__(county, **options)


def guard(county: County, out: Path, *, parcels: int, rounds: int, budget_s: float) -> list[dict[str, Any]]:
    """Ask with and without the guard, in turn."""
    rows = []
    for prepared in (False, True):
        makes = {"with": Ours, "without": Unguarded}
        workers = [Worker(name, make, county, prepared=prepared) for name, make in makes.items()]
        for worker in workers:
            worker.call("load", parcels)
        for method in ("areas", "overlaps"):
            runs = [Runs(worker.name, worker, method) for worker in workers]
            alternate(runs, rounds=rounds, budget_s=budget_s, warm=True)
            rows.append({"parcels": parcels, "prepared": prepared, "asked": method} | _cost(*runs))
        for worker in workers:
            worker.close()
    write(out, f"guard-{county.label}", rows, versions())
    return rows


def _cost(guarded: Runs, unguarded: Runs) -> dict[str, Any]:
    return {
        "with ms": guarded.median * 1000,
        "without ms": unguarded.median * 1000,
        "cost %": 100 * (guarded.median / unguarded.median - 1),
        "with cpu ms": guarded.cpu * 1000,
        "without cpu ms": unguarded.cpu * 1000,
        "cpu cost %": 100 * (guarded.cpu / unguarded.cpu - 1),
        "note": guarded.error or unguarded.error,
    }
