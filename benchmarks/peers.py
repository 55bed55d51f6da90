"""The peers, each as one would write it by hand, on layers that are already in the plane.

Every engine answers two questions. ``areas``: how much of each parcel lies in each of five layers, a table of parcels ×
layers in m². ``cells``: how much land of each class lies in each township and zone, inside or outside each of the
three control lines, a series by class, township, zone and three booleans. What an engine does before the question can
be put (reading, loading, indexes) is done when it is made, and timed as its preparation.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from .county import LAYERS, LINES, County

Array = np.ndarray
Cut = Callable[[Array, str], tuple[Array, Array, Array]]
KEYS = ["class", "township", "planning_zone"]
#: All sets of control lines but the empty one: intersections with them give all cells, by inclusion and exclusion.
SETS = [chosen for size in (1, 2, 3) for chosen in itertools.combinations(LINES, size)]


class Engine:
    """An engine: made once for a county, loaded with parcels, then asked again and again."""

    def __init__(self, county: County, kinds: tuple[str, ...] = LAYERS) -> None:
        self.county, self.kinds = county, kinds

    def load(self, count: int, first: int = 0) -> None:
        """Bring in the parcels, from the first on."""
        raise NotImplementedError

    def forget(self) -> None:
        """Forget what the last question left behind, where the next one must not profit from it."""

    def areas(self) -> Array:
        """Return m² of each parcel in each layer, shape (parcels, 5)."""
        raise NotImplementedError

    def cells(self) -> pd.Series:
        """Return m² by class, township, zone and in or out of each control line."""
        raise NotImplementedError

    def version(self) -> str:
        """Return what was measured, with its version."""
        raise NotImplementedError

    def outside_mb(self) -> float | None:
        """Return the peak memory (MB) of a server that works for this engine, if there is one."""
        return None

    def close(self) -> None:
        """Stop what was started."""


class Shapely(Engine):
    """An STRtree's boxes, then one intersection for each pair."""

    def __init__(self, county: County, kinds: tuple[str, ...] = LAYERS) -> None:
        super().__init__(county, kinds)
        self.layers = {kind: county.layer(kind) for kind in kinds}

    def load(self, count: int, first: int = 0) -> None:
        self.parcels = self.county.parcels(count, first).geometry.to_numpy()

    def areas(self) -> Array:
        out = np.zeros((len(self.parcels), len(LAYERS)))
        for column, kind in enumerate(LAYERS):
            left, _, cut = self._cut(self.parcels, kind)
            out[:, column] = np.bincount(left, weights=shapely.area(cut), minlength=len(out))
        return out

    def cells(self) -> pd.Series:
        patches = self.layers["land_use"]
        labels = {kind: self.layers[kind]["label"].to_numpy(object) for kind in KEYS[1:]}
        return in_and_out(
            inside_sets(patches.geometry.to_numpy(), patches["label"].to_numpy(object), labels, self._cut)
        )

    def _cut(self, left: Array, kind: str) -> tuple[Array, Array, Array]:
        right = self.layers[kind].geometry.to_numpy()
        i, j = shapely.STRtree(right).query(left)
        cut = shapely.intersection(left[i], right[j])
        some = shapely.area(cut) > 0
        return i[some], j[some], cut[some]

    def version(self) -> str:
        return f"shapely {shapely.__version__} (GEOS {shapely.geos_version_string})"


class Geopandas(Shapely):
    """``geopandas.overlay``, layer by layer."""

    def load(self, count: int, first: int = 0) -> None:
        self.parcels = self.county.parcels(count, first)

    def areas(self) -> Array:
        out = np.zeros((len(self.parcels), len(LAYERS)))
        for column, kind in enumerate(LAYERS):
            cut = gpd.overlay(self.parcels, self.layers[kind], how="intersection", keep_geom_type=True)
            out[:, column] = np.bincount(cut["pid"], weights=cut.area, minlength=len(out))
        return out

    def cells(self) -> pd.Series:
        cut = self.layers["land_use"].rename(columns={"label": "class"})[["class", "geometry"]]
        for kind in KEYS[1:]:
            layer = self.layers[kind].rename(columns={"label": kind})[[kind, "geometry"]]
            cut = gpd.overlay(cut, layer, how="intersection", keep_geom_type=True)
        for kind in LINES:
            layer = self.layers[kind][["geometry"]].assign(**{kind: True})
            cut = gpd.overlay(cut, layer, how="identity", keep_geom_type=True)
            cut[kind] = cut[kind].notna()
        return cut.assign(m2=cut.area).groupby([*KEYS, *LINES])["m2"].sum()

    def version(self) -> str:
        return f"geopandas {gpd.__version__}"


class SqlEngine(Engine):
    """An engine that is asked in SQL and lives in this process; its geometry column is ``geom``."""

    def load(self, count: int, first: int = 0) -> None:
        self.count = count
        self._table("parcels", self.county.parcels(count, first))

    def areas(self) -> Array:
        out = np.zeros((self.count, len(LAYERS)))
        for column, kind in enumerate(LAYERS):
            got = self._ask(
                "SELECT p.pid AS pid, sum(ST_Area(ST_Intersection(p.geom, l.geom))) AS m2 "
                f"FROM parcels p JOIN {kind} l ON ST_Intersects(p.geom, l.geom) GROUP BY p.pid"
            )
            out[got["pid"], column] = got["m2"]
        return out

    def _table(self, name: str, frame: gpd.GeoDataFrame) -> None:
        """Bring in a table; one of that name is replaced."""
        raise NotImplementedError

    def _ask(self, question: str) -> Mapping[str, Array] | pd.DataFrame:
        """Return the columns of the answer by name."""
        raise NotImplementedError


class Duckdb(SqlEngine):
    """DuckDB with its spatial extension and its spatial join."""

    def __init__(self, county: County, kinds: tuple[str, ...] = LAYERS) -> None:
        import duckdb

        super().__init__(county, kinds)
        try:
            import duckdb_extensions  # the extension as a Python package, for machines without the network

            duckdb_extensions.import_extension("spatial")
        except ImportError:
            pass
        self.base = duckdb.connect()
        self.base.execute("LOAD spatial; SET enable_progress_bar = false")
        for kind in kinds:
            self._table(kind, county.layer(kind))

    def _table(self, name: str, frame: gpd.GeoDataFrame) -> None:
        plain = pd.DataFrame(frame.drop(columns="geometry")).assign(wkb=shapely.to_wkb(frame.geometry.to_numpy()))
        self.base.register("given", plain)
        self.base.execute(
            f"CREATE OR REPLACE TABLE {name} AS SELECT * EXCLUDE wkb, ST_GeomFromWKB(wkb) AS geom FROM given"
        )
        self.base.unregister("given")

    def _ask(self, question: str) -> dict[str, Array]:
        return self.base.execute(question).fetchnumpy()

    def version(self) -> str:
        import duckdb

        return f"DuckDB {duckdb.__version__} spatial"


class Sedona(SqlEngine):
    """SedonaDB: SQL on Arrow, with an index built for each join."""

    def __init__(self, county: County, kinds: tuple[str, ...] = LAYERS) -> None:
        import sedonadb

        super().__init__(county, kinds)
        self.base = sedonadb.connect()
        for kind in kinds:
            self._table(kind, county.layer(kind))

    def _table(self, name: str, frame: gpd.GeoDataFrame) -> None:
        self.base.create_data_frame(frame.rename_geometry("geom")).to_memtable().to_view(name, overwrite=True)

    def _ask(self, question: str) -> pd.DataFrame:
        return self.base.sql(question).to_pandas()

    def version(self) -> str:
        import sedonadb

        return f"SedonaDB {sedonadb.__version__}"


def inside_sets(geoms: Array, classes: Array, labels: dict[str, Array], cut: Cut) -> dict[tuple[str, ...], pd.Series]:
    """Return m² by class, township and zone: of all land, and inside each set of control lines.

    Parameters
    ----------
    geoms, classes : patches and their classes
    labels : township and zone → label of each row
    cut : returns rows of the geometries and of a layer, and what they have in common
    """
    columns = {"class": classes}
    for kind in KEYS[1:]:
        left, right, geoms = cut(geoms, kind)
        columns = {name: values[left] for name, values in columns.items()} | {kind: labels[kind][right]}
    keys = pd.DataFrame(columns)
    common: dict[tuple[str, ...], tuple[Array, Array]] = {(): (np.arange(len(keys)), geoms)}
    sums = {(): _sum(keys, common[()])}
    for chosen in SETS:
        rows, shapes = common[chosen[:-1]]
        left, _, parts = cut(shapes, chosen[-1])
        common[chosen] = rows[left], parts
        sums[chosen] = _sum(keys, common[chosen])
    return sums


def in_and_out(sums: dict[tuple[str, ...], pd.Series]) -> pd.Series:
    """Return m² by class, township, zone and three booleans from the m² inside each set of control lines.

    Parameters
    ----------
    sums : set of lines → m² inside all of them, by class, township, zone; the empty set holds all land
    """
    table = pd.DataFrame(sums.values(), index=range(len(sums))).T.fillna(0.0)
    inside = {chosen: table[n] for n, chosen in enumerate(sums)}
    cells = {}
    for flags in itertools.product((False, True), repeat=len(LINES)):
        of = tuple(line for line, flag in zip(LINES, flags, strict=True) if flag)
        larger = [chosen for chosen in inside if set(of) <= set(chosen)]
        cells[flags] = sum(((-1) ** (len(chosen) - len(of)) * inside[chosen] for chosen in larger), 0.0 * table[0])
    out = pd.concat(cells, names=LINES).reorder_levels([*KEYS, *LINES])
    return out[out.abs() > 1e-6].sort_index()


def _sum(keys: pd.DataFrame, common: tuple[Array, Array]) -> pd.Series:
    rows, geoms = common
    return keys.iloc[rows].assign(m2=shapely.area(geoms)).groupby(KEYS)["m2"].sum()
