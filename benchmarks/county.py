"""The data of the benchmarks: a generated county, once in its own CRS for us, once in the plane for everybody.

Peers get layers that are already projected to the plane where planar area is the official area, so all engines answer
the same question on the same coordinates. What is written to the working folder is kept and used again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

LINES = ("ecological_redline", "permanent_farmland", "urban_boundary")
#: What every parcel is laid over.
LAYERS = (*LINES, "township", "planning_zone")
#: A county folder: kind → file, and its columns by the official field names.
FOLDER = {
    "ecological_redline": ("redline", {"BSM": "fid_"}),
    "permanent_farmland": ("farm", {"BSM": "fid_", "DLBM": "dlbm"}),
    "urban_boundary": ("urban", {"BSM": "fid_"}),
    "township": ("town", {"XZQDM": "xzqdm", "XZQMC": "xzqdm"}),
    "planning_zone": ("zone", {"GHFQDM": "zone", "GHFQMC": "zone"}),
    "land_use": ("dltb", {"BSM": "fid_", "DLBM": "dlbm"}),
}
#: Field ridges (KCXS) where the generator makes none, so that net areas are computed as in real work.
RIDGE = 0.05


@dataclass(frozen=True)
class County:
    """A county ready to be measured.

    Attributes
    ----------
    label : what tables call it
    work : folder of everything derived
    data : folder of the generator, or None for the demo county
    """

    label: str
    work: Path
    data: Path | None

    @property
    def plan(self) -> Path:
        """plan.toml of the layers that parcels are laid over."""
        return self.work / "plan.toml"

    @property
    def plan_with_land_use(self) -> Path:
        """The same with the land-use layer."""
        return self.work / "land_use.toml"

    def layer(self, kind: str) -> gpd.GeoDataFrame:
        """Return a layer in the plane: columns ``row``, ``label`` (class, or code of the unit), geometry."""
        return gpd.read_parquet(self.work / "plane" / f"{kind}.parquet")

    def vertices(self) -> int:
        """Return the number of vertices of the layers that parcels are laid over."""
        return sum(int(shapely.get_num_coordinates(self.layer(kind).geometry.to_numpy()).sum()) for kind in LAYERS)

    def parcels(self, count: int, first: int = 0) -> gpd.GeoDataFrame:
        """Return parcels in the plane: columns ``pid`` from 0, geometry."""
        return gpd.read_parquet(self.work / "plane" / self.parcels_file(count, first).name)

    def parcels_file(self, count: int, first: int = 0) -> Path:
        """Return a GeoParquet of parcels in their own CRS; made when first asked for."""
        path = self.work / f"parcels-{count}-{first}.parquet"
        in_plane = self.work / "plane" / path.name
        if not in_plane.exists():
            frame = self._parcels_given(first + count) if self.data else self._parcels_drawn(first + count)
            frame.iloc[first:].to_parquet(path)
            _write(in_plane, _laid_parcels(path, self.work, count))
        return path

    def _parcels_given(self, count: int) -> gpd.GeoDataFrame:
        assert self.data is not None
        files = sorted((int(path.stem[1:]), path) for path in self.data.glob("p*.parquet"))
        path = next((path for size, path in files if size >= max(count, 1000)), files[-1][1])
        frame = gpd.read_parquet(path).head(count)
        if len(frame) < count:
            raise SystemExit(f"{self.data} holds no {count} parcels")
        return _named(frame.geometry.values, frame.crs)

    def _parcels_drawn(self, count: int) -> gpd.GeoDataFrame:
        """Return rectangles of 0.1 to 100 ha in the boxes of features of the demo county, of each layer in turn."""
        rng = np.random.default_rng(1)
        layers = [gpd.read_parquet(self.work / "source" / f"{kind}.parquet") for kind in LAYERS]
        features = [
            layers[n % len(layers)].geometry.iloc[rng.integers(len(layers[n % len(layers)]))] for n in range(count)
        ]
        west, south, east, north = shapely.bounds(features).T
        high = np.sqrt(np.exp(rng.uniform(np.log(1e3), np.log(1e6), count))) / 111_320 / 2
        wide = high / np.cos(np.radians(south))
        x, y = rng.uniform(west, east), rng.uniform(south, north)
        return _named(shapely.box(x - wide, y - high, x + wide, y + high), layers[0].crs)


def _named(geoms: object, crs: object) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame(geometry=geoms, crs=crs)
    frame.insert(0, "DKBH", [f"D{n}" for n in range(len(frame))])
    return frame


def open_county(data: Path | None, work: Path, *, size: str = "small", seed: int = 650422, refine: int = 1) -> County:
    """Prepare a county folder, or the demo county where there is none, for all engines.

    Parameters
    ----------
    data : folder of the generator; None makes the demo county of ``size`` and ``seed``
    work : folder of everything derived
    refine : every edge of a layer is cut in so many, to see what vertices cost
    """
    label = (data.name if data else f"demo-{size}-{seed}") + (f"-x{refine}" if refine > 1 else "")
    county = County(label, work / label, data)
    done = county.work / "complete"
    if not done.exists():
        (county.work / "source").mkdir(parents=True, exist_ok=True)
        (county.work / "plane").mkdir(exist_ok=True)
        _convert(county) if data else _demo(county, size, seed)
        if refine > 1:
            _refine(county, refine)
        for path, kinds in ((county.plan, LAYERS), (county.plan_with_land_use, (*LAYERS, "land_use"))):
            path.write_text(_plan_toml(label, kinds), encoding="utf-8")
        _to_plane(county)
        done.touch()
    return county


def _convert(county: County) -> None:
    assert county.data is not None
    for kind, (name, columns) in FOLDER.items():
        frame = gpd.read_parquet(county.data / f"{name}.parquet")
        named = {official: frame[own].astype(str) for official, own in columns.items()}
        if "DLBM" in named:
            named["KCXS"] = np.where(named["DLBM"].str.startswith("01"), RIDGE, 0.0)
        named = gpd.GeoDataFrame(named, geometry=frame.geometry, crs=frame.crs)
        named.to_parquet(county.work / "source" / f"{kind}.parquet")


def _demo(county: County, size: str, seed: int) -> None:
    from controllines.demo import make_demo
    from controllines.demo.mesh import settings
    from controllines.demo.write import GPKG

    made = make_demo(county.work / "demo", size=size, seed=seed)
    for kind in FOLDER:
        frame = pyogrio.read_dataframe(made.plan.parent / GPKG, layer=settings()["tables"][kind][0])
        frame.to_parquet(county.work / "source" / f"{kind}.parquet")


def _refine(county: County, parts: int) -> None:
    for kind in LAYERS:
        path = county.work / "source" / f"{kind}.parquet"
        frame = gpd.read_parquet(path)
        geometry, xy, offsets = shapely.to_ragged_array(frame.geometry.to_numpy(), include_z=False)
        step = np.diff(xy, axis=0, append=xy[-1:]) / parts
        step[offsets[0][1:] - 1] = 0  # behind the last point of a ring there is no edge
        finer = (xy[:, None] + step[:, None] * np.arange(parts)[:, None]).reshape(-1, 2)
        keep = np.ones(len(finer), bool)
        ends = (offsets[0][1:] - 1) * parts
        keep[(ends[:, None] + np.arange(1, parts)).ravel()] = False
        rings = np.concatenate([[0], np.cumsum(keep)])[offsets[0] * parts]
        frame.geometry = shapely.from_ragged_array(geometry, finer[keep], (rings, *offsets[1:]))
        frame.to_parquet(path)


def _plan_toml(label: str, kinds: tuple[str, ...]) -> str:
    lines = ["[plan]", f'name = "{label}"', 'version = "1"', "synthetic = true"]
    for kind in kinds:
        lines += [f"[layers.{kind}]", f'path = "source/{kind}.parquet"', "trusted = true", 'version = "1"']
    return "\n".join(lines) + "\n"


def _to_plane(county: County) -> None:
    from controllines.plans import open_plan

    plan = open_plan(county.plan_with_land_use)
    (county.work / "plane.json").write_text(json.dumps(asdict(plan.plane)))
    for kind, layer in plan.layers.items():
        if not layer.used.all():
            raise SystemExit(f"{kind}: {int((~layer.used).sum())} features cannot be used; engines would disagree")
        label = layer.frame["class" if kind == "land_use" else "code"].fillna("").astype(str)
        frame = gpd.GeoDataFrame({"row": range(len(layer)), "label": label.to_numpy()}, geometry=layer.geoms)
        _write(county.work / "plane" / f"{kind}.parquet", frame)


def _laid_parcels(path: Path, work: Path, count: int) -> gpd.GeoDataFrame:
    from controllines.crs import Plane
    from controllines.layers import lay
    from controllines.parcels import read_parcels

    plane = Plane(**json.loads((work / "plane.json").read_text()))
    return gpd.GeoDataFrame({"pid": range(count)}, geometry=lay(read_parcels(path), plane).geoms)


def _write(path: Path, frame: gpd.GeoDataFrame) -> None:
    """Write in full or not at all: an interrupted run must not leave half a layer."""
    part = path.with_suffix(".part")
    frame.to_parquet(part)
    part.replace(path)
