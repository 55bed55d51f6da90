"""conflicts.gpkg: parcels, pieces and outside parts with their geometry, in the result's own CRS."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pyogrio

from controllines.io.dated import dated

if TYPE_CHECKING:
    from controllines.results import CheckResult

#: Layers and what they hold.
LAYERS = {"parcels": "申报地块", "pieces": "重叠图斑", "outside": "边界外部分"}


def write(result: CheckResult, path: Path, banners: tuple[str, ...]) -> None:
    """Write the frames with geometry as layers of one GeoPackage; ``banners`` go into the layers' descriptions."""
    note = "；".join((f"run_id {result.provenance['run_id']}", *banners))
    with dated(date.fromisoformat(result.provenance["as_of"])):
        for name, title in LAYERS.items():
            frame: gpd.GeoDataFrame = getattr(result, name)
            pyogrio.write_dataframe(
                _writable(frame),
                path,
                layer=name,
                driver="GPKG",
                geometry_type="MultiPolygon",
                promote_to_multi=True,
                append=path.exists(),
                layer_options={"DESCRIPTION": f"{title}；{note}", "IDENTIFIER": name, "SPATIAL_INDEX": "YES"},
            )


def _writable(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give columns that hold only nulls the type text: they would go out as numbers or not at all."""
    empty = [name for name in frame.columns if name != frame.geometry.name and frame[name].isna().all()]
    return frame.assign(**{name: frame[name].astype("str").where(frame[name].notna()) for name in empty
                           if frame[name].dtype == object})  # fmt: skip
