"""Our engine, asked like the peers, and asked for everything a check tells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

import controllines as cl
from controllines.conflicts import Land, Widths, check_land
from controllines.layers import lay
from controllines.overlay import intersect, union_by

from .county import LAYERS, LINES, County
from .peers import Array, Engine


class Ours(Engine):
    """The library in this process.

    Parameters
    ----------
    prepared : True opens the prepared plan, made if there is none; False reads the plan and prepares nothing
    """

    def __init__(self, county: County, kinds: tuple[str, ...] = LAYERS, *, prepared: bool = False) -> None:
        super().__init__(county, kinds)
        plan = county.plan_with_land_use if "land_use" in kinds else county.plan
        self.prepared = prepared
        self.given = cl.open_plan(prepared_plan(plan) if prepared else plan)
        self.plan = self.given

    def load(self, count: int, first: int = 0) -> None:
        self.parcels = cl.read_parcels(self.county.parcels_file(count, first))
        laid = lay(self.parcels, self.plan.plane)
        self.land = Land(laid.frame["parcel_id"].to_numpy(), laid.geoms, laid.resolution, self.plan.plane)

    def forget(self) -> None:
        """Let an unprepared plan be as it was when it was opened."""
        if not self.prepared:
            layers = {
                key: replace(layer, geoms=shapely.from_wkb(shapely.to_wkb(layer.geoms)))
                for key, layer in self.given.layers.items()
            }
            self.plan = replace(self.given, layers=layers)

    def areas(self) -> Array:
        """Areas only, as the peers."""
        out = np.zeros((len(self.land), len(LAYERS)))
        for column, kind in enumerate(LAYERS):
            pieces = intersect(self.land.geoms, self.plan.layers[kind].geoms)
            out[:, column] = shapely.area(union_by(pieces.geoms, pieces.left, len(out)))
        return out

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
