"""PostGIS: a server of the benchmarks' own, and the peer on it, with layers as they are or subdivided."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from .county import LAYERS, County
from .measure import forget_peak, peak_mb
from .peers import KEYS, SETS, Array, Engine, in_and_out

#: What a careful administrator sets on a small machine; 256 is the usual size of a part.
SETTINGS = {
    "shared_buffers": "2GB", "work_mem": "256MB", "maintenance_work_mem": "1GB", "max_wal_size": "8GB", "jit": "off",
    "fsync": "off", "synchronous_commit": "off", "random_page_cost": "1.1", "effective_cache_size": "4GB",
    "max_parallel_workers_per_gather": "2",  # used where the planner sees a gain; forced, small questions took longer
}  # fmt: skip
VERTICES = 256


@contextmanager
def server(home: Path | None = None) -> Iterator[str]:
    """Start a server on a free port and a socket in its own folder; yield how to connect.

    Parameters
    ----------
    home : folder of its data, kept for the next run; omitted: a temporary one
    """
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="bench-pg-"))
    place = home or folder / "data"
    try:
        if os.geteuid() == 0:
            place.mkdir(parents=True, exist_ok=True)
            for path in (folder, place):
                shutil.chown(path, "postgres", "postgres")
        if not (place / "PG_VERSION").exists():
            _run(programs / "initdb", "-D", place, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = [f"-c {name}={value}" for name, value in SETTINGS.items()]
        options += [f"-c port={port}", "-c listen_addresses=127.0.0.1", f"-c unix_socket_directories={folder}"]
        _run(programs / "pg_ctl", "-D", place, "-w", "-l", folder / "log", "-o", " ".join(options), "start")
        try:
            yield f"host={folder} port={port} user=postgres dbname=postgres"
        finally:
            _run(programs / "pg_ctl", "-D", place, "-m", "fast", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = [Path(path).resolve().parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in found:
        if (folder / "pg_ctl").exists():
            return folder
    raise FileNotFoundError("PostgreSQL is not installed")


def _run(*command: object) -> None:
    """Run a server program; PostgreSQL refuses to run as root."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryFile() as log:  # not captured: the server would inherit the pipe and keep it open
        done = subprocess.run([*prefix, *map(str, command)], stdout=log, stderr=subprocess.STDOUT, check=False)
        log.seek(0)
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {log.read().decode(errors='replace')}")


class Postgis(Engine):
    """Tables with a GiST index, one query; ``subdivided`` makes it the prepared PostGIS.

    Tables stay in a schema named after the county, so a second engine on the same server finds them.
    """

    def __init__(self, county: County, dsn: str, kinds: tuple[str, ...] = LAYERS, *, subdivided: bool) -> None:
        import psycopg

        super().__init__(county, kinds)
        self.base = psycopg.connect(dsn, autocommit=True)
        self.schema = "".join(letter if letter.isalnum() else "_" for letter in county.label)
        self.base.execute("CREATE EXTENSION IF NOT EXISTS postgis")
        self.base.execute(f'CREATE SCHEMA IF NOT EXISTS "{self.schema}"')
        self.base.execute(f'SET search_path = "{self.schema}", public')
        self.server_pid = self.base.info.backend_pid
        self.subdivided = subdivided
        self.tables = {kind: self.table(kind) for kind in kinds}

    def table(self, kind: str) -> str:
        """Return the name of a layer's table, made if it is not there: COPY, ST_Subdivide, GiST, ANALYZE."""
        part = self.subdivided and kind != "land_use"  # patches are what is cut; they are small
        name = f"{kind}_{VERTICES}" if part else kind
        if not self._has(kind):
            self._copy(kind, self.county.layer(kind))
        if not self._has(name):
            self.base.execute(
                f"CREATE TABLE {name} AS SELECT row, label, ST_Subdivide(geom, {VERTICES}) AS geom FROM {kind}"
            )
            self._index(name)
        return name

    def prepare(self) -> None:
        """Make the tables of all layers anew."""
        self.base.execute(f'DROP SCHEMA "{self.schema}" CASCADE')
        self.base.execute(f'CREATE SCHEMA "{self.schema}"')
        self.tables = {kind: self.table(kind) for kind in LAYERS}

    def size_mb(self) -> float:
        """Return the size of the tables that answer questions, with their indexes."""
        found = self.base.execute(
            "SELECT sum(pg_total_relation_size(t::regclass)) FROM unnest(%s::text[]) t",
            [[f'"{self.schema}".{name}' for name in self.tables.values()]],
        ).fetchone()
        return float(found[0]) / 2**20 if found and found[0] else 0.0

    def _has(self, name: str) -> bool:
        found = self.base.execute("SELECT to_regclass(%s) IS NOT NULL", [f'"{self.schema}".{name}']).fetchone()
        return bool(found and found[0])

    def _copy(self, name: str, frame: gpd.GeoDataFrame) -> None:
        frame = frame.rename(columns={"pid": "row"})
        label = frame["label"] if "label" in frame else [""] * len(frame)
        with self.base.transaction():
            self.base.execute(f"DROP TABLE IF EXISTS {name}")
            self.base.execute(f"CREATE TABLE {name} (row int4, label text, geom geometry)")
            with self.base.cursor().copy(f"COPY {name} FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["int4", "text", "bytea"])
                for row in zip(frame["row"].tolist(), label, shapely.to_wkb(frame.geometry.to_numpy()), strict=True):
                    copy.write_row(row)
        self._index(name)

    def _index(self, name: str) -> None:
        self.base.execute(f"CREATE INDEX ON {name} USING gist (geom)")
        self.base.execute(f"VACUUM ANALYZE {name}")

    def load(self, count: int, first: int = 0) -> None:
        self.count = count
        self.parcels = f"parcels_{count}_{int(self.subdivided)}"
        self._copy(self.parcels, self.county.parcels(count, first))

    def areas(self) -> Array:
        layers = [
            f"SELECT {column}, p.row, sum({common_area('p', 'l')}) FROM {self.parcels} p "
            f"JOIN {self.tables[kind]} l ON ST_Intersects(p.geom, l.geom) GROUP BY p.row"
            for column, kind in enumerate(LAYERS)
        ]
        out = np.zeros((self.count, len(LAYERS)))
        for column, row, m2 in self.base.execute(" UNION ALL ".join(layers)):
            out[row, column] = m2
        return out

    def cells(self) -> pd.Series:
        self.base.execute("DROP TABLE IF EXISTS cut")
        self.base.execute(
            f"CREATE UNLOGGED TABLE cut AS SELECT p.label AS class, p.township, l.label AS planning_zone, "
            f"{common('p', 'l')} AS geom FROM (SELECT d.label, l.label AS township, {common('d', 'l')} AS geom "
            f"FROM {self.tables['land_use']} d JOIN {self.tables['township']} l ON ST_Intersects(d.geom, l.geom)) p "
            f"JOIN {self.tables['planning_zone']} l ON ST_Intersects(p.geom, l.geom)"
        )
        self.base.execute("ANALYZE cut")
        sums = {(): self._sums("SELECT *, ST_Area(geom) AS m2 FROM cut")}
        for chosen in SETS:
            inner = "cut"
            for kind in chosen[:-1]:
                inner = self._within(inner, kind, f"{common('p', 'l')} AS geom")
            sums[chosen] = self._sums(self._within(inner, chosen[-1], f"{common_area('p', 'l')} AS m2"))
        return in_and_out(sums)

    def _within(self, inner: str, kind: str, what: str) -> str:
        source = inner if inner == "cut" else f"({inner})"
        return (
            f"SELECT {', '.join(f'p.{key}' for key in KEYS)}, {what} FROM {source} p "
            f"JOIN {self.tables[kind]} l ON ST_Intersects(p.geom, l.geom)"
        )

    def _sums(self, query: str) -> pd.Series:
        keys = ", ".join(KEYS)
        got = self.base.execute(f"SELECT {keys}, sum(m2) FROM ({query}) q GROUP BY {keys}").fetchall()
        return pd.DataFrame(got, columns=[*KEYS, "m2"]).set_index(KEYS)["m2"]

    def version(self) -> str:
        found = self.base.execute("SELECT split_part(version(), ' ', 2), postgis_lib_version(), postgis_geos_version()")
        return "PostgreSQL {}, PostGIS {} (GEOS {})".format(*(found.fetchone() or ()))

    def forget(self) -> None:
        forget_peak(self.server_pid)

    def outside_mb(self) -> float | None:
        return peak_mb(self.server_pid)

    def close(self) -> None:
        self.base.close()


def common(left: str, right: str) -> str:
    """Return SQL for the common land of a pair; where one covers the other nothing is cut."""
    a, b = f"{left}.geom", f"{right}.geom"
    cut = f"ST_CollectionExtract(ST_Intersection({a}, {b}), 3)"
    return f"CASE WHEN ST_Covers({b}, {a}) THEN {a} WHEN ST_Covers({a}, {b}) THEN {b} ELSE {cut} END"


def common_area(left: str, right: str) -> str:
    """Return SQL for the area of the common land of a pair."""
    return f"ST_Area({common(left, right)})"
