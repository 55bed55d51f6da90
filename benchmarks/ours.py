"""Our engine, asked like the peers, and asked for everything a check tells."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

import controllines as cl
from controllines.conflicts import BLOCK, Land, Widths, Workers, check_land
from controllines.kinds import OUTSIDE_ALL
from controllines.layers import lay
from controllines.overlay import intersect
from controllines.tiles import Tiles, hilbert_order
from controllines.windows import Near, near, windows

from .county import LAYERS, LINES, County
from .peers import KEYS, Array, Engine


class Ours(Engine):
    """The library in this process.

    Parameters
    ----------
    prepared : True opens the prepared plan, made if there is none; False reads the plan and prepares nothing
    """

    def __init__(self, county: County, kinds: tuple[str, ...] = LAYERS, *, prepared: bool = False) -> None:
        super().__init__(county, kinds)
        plan = county.plan_with_land_use if "land_use" in kinds else county.plan
        self.plan = cl.open_plan(prepared_plan(plan) if prepared else plan)

    def load(self, count: int, first: int = 0) -> None:
        self.parcels = cl.read_parcels(self.county.parcels_file(count, first))
        laid = lay(self.parcels, self.plan.plane)
        self.land = Land(laid.frame["parcel_id"].to_numpy(), laid.geoms, laid.resolution, self.plan.plane)

    def forget(self) -> None:
        """Let layers in memory lose their indexes: a plan that was not prepared has none."""
        covers = [coverage.shapes for coverage in self.plan.coverage.values()]
        for shapes in [*(layer.in_plane for layer in self.plan.layers.values()), *covers]:
            vars(shapes).pop("tree", None)

    def areas(self) -> Array:
        """Areas only, as the peers: what ``overlay.areas`` does, dealt out like a check."""
        out = np.zeros((len(self.land), len(LAYERS)))
        workers = Workers()
        order = hilbert_order(shapely.bounds(self.land.geoms))
        layers = {kind: self.plan.layers[kind].in_plane for kind in LAYERS}
        with workers.pool() as each:
            for start in range(0, len(order), BLOCK):
                block = order[start : start + BLOCK]
                geoms = self.land.geoms[block]
                found = {kind: near(shapes, windows(geoms), each=each)
                         for kind, shapes in layers.items() if not isinstance(shapes, Tiles)}  # fmt: skip
                chunks = workers.deal(len(block))
                for rows, areas in zip(chunks, each(partial(self._areas, geoms, found), chunks), strict=True):
                    out[block[rows]] = areas
        return out

    def _areas(self, geoms: Array, found: dict[str, Near], rows: Array) -> Array:
        own, out = geoms[rows], np.zeros((len(rows), len(LAYERS)))
        for column, kind in enumerate(LAYERS):
            shapes = self.plan.layers[kind].in_plane
            around = found[kind].of(rows) if kind in found else near(shapes, windows(own), joined=False)
            pieces = intersect(own, around)
            np.add.at(out[:, column], pieces.left, pieces.area)
        return out

    def cells(self) -> pd.Series:
        """The cross-table: what ``tabulate`` makes, by code; land outside townships or zones left out, as peers do."""
        by = ["现状地类:class", *(f"{kind}:code" for kind in KEYS[1:]), *LINES]
        frame = cl.tabulate(self.plan, of="land_use", by=by, planar=False).frame
        names = {"land_use:class": "class"} | {f"{kind}:code": kind for kind in KEYS[1:]}
        frame = frame.rename(columns=names)
        for kind in LINES:
            frame[kind] = frame[f"{kind}_code"] == "in"
        frame = frame[(frame[KEYS[1]] != OUTSIDE_ALL) & (frame[KEYS[2]] != OUTSIDE_ALL)]
        return frame.groupby([*KEYS, *LINES])["area_m2"].sum()

    def overlaps(self) -> Array:
        """Every column of the frames ``overlaps`` and ``units``: widths, depths and clearances too."""
        kinds = [self.plan.kind(key) for key in LINES]
        checked = check_land(self.land, self.plan, kinds, Widths())
        return self._matrix(checked.overlaps, checked.units)

    def check(self) -> Array:
        """The whole of ``controllines.check``, with pieces, projects, findings and provenance."""
        result = cl.check(self.parcels, self.plan)
        row = {name: n for n, name in enumerate(result.parcels["parcel_id"])}
        frames = [frame.assign(row=frame["parcel_id"].map(row)) for frame in (result.overlaps, result.units)]
        return self._matrix(*frames)

    def _matrix(self, overlaps: pd.DataFrame, units: pd.DataFrame) -> Array:
        out = np.zeros((len(self.land), len(LAYERS)))
        both = pd.concat([overlaps, units[units["code"].notna()]])
        columns = both["kind"].map({kind: n for n, kind in enumerate(LAYERS)}).to_numpy()
        np.add.at(out, (both["row"].to_numpy(), columns), both["area_m2"].fillna(0.0).to_numpy())
        return out

    def version(self) -> str:
        return f"controllines {cl.__version__}"


def prepared_plan(plan: Path) -> Path:
    """Return the folder of a prepared plan; it is made if it is not there."""
    folder = plan.with_suffix(".plan")
    if not folder.exists():
        cl.prepare(plan, folder)
    return folder
