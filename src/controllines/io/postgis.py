"""PostGIS tables: read only, streamed, every name quoted and every value bound.

An address is ``postgresql://user@host:port/database?table=schema.table&geom=column``. The password comes from
``~/.pgpass``, PGPASSWORD, a service file, or the address; it is never shown.
"""

from __future__ import annotations

import hashlib
import json
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import numpy as np
import pandas as pd
import pyproj
import shapely
from pyproj.exceptions import CRSError as ProjCRSError

from controllines.errors import CRSError, InputError
from controllines.findings import Finding, finding
from controllines.io import curves
from controllines.io.source import DEFAULT_LIMITS, Limits, Source

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composable

_SCHEMES = ("postgresql://", "postgres://")
_CONNECT_SECONDS = 10
_ROWS_AT_ONCE = 2000
#: Types that keep their nature; all others become text. Those left out hold no attribute.
_TYPES = {
    "smallint": "int8", "integer": "int8", "bigint": "int8", "real": "float8", "double precision": "float8",
    "numeric": "float8", "boolean": "bool",
}  # fmt: skip
_LEFT_OUT = ("geometry", "geography", "raster", "bytea")


@dataclass(frozen=True)
class Address:
    """Where tables are (数据库地址), split so that nothing shows the password.

    Attributes
    ----------
    shown : the address as it may be printed: user, host, port and database
    options : libpq keywords, with the password if the address has one
    table : ``schema.table``, or a table of ``schema``; None for all
    schema : where tables are looked for
    geom : geometry column, needed where a table has several
    """

    shown: str
    options: dict[str, str] = field(repr=False, hash=False)
    table: str | None = None
    schema: str = "public"
    geom: str | None = None

    def __str__(self) -> str:
        return self.shown

    @property
    def name(self) -> str:
        """Name of the table without its schema, else of the database."""
        return (self.table or "").rpartition(".")[2] or self.shown.rpartition("/")[2]


def is_address(what: object) -> bool:
    """Tell whether this is, or is written like, the address of a database."""
    return isinstance(what, Address) or (isinstance(what, str) and what.lower().startswith(_SCHEMES))


def address(what: object) -> Address:
    """Split ``postgresql://…``.

    Raises
    ------
    InputError
        ``POSTGIS_ADDRESS``; the message does not repeat the address, which may hold a password.
    """
    if isinstance(what, Address):
        return what
    try:
        parts = urlsplit(str(what))
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        port = parts.port
    except ValueError:
        raise InputError.of("POSTGIS_ADDRESS") from None
    ours = {key: query.pop(key) for key in ("table", "schema", "geom") if key in query}
    options = {
        "host": unquote(parts.hostname or ""), "port": str(port or ""), "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""), "dbname": unquote(parts.path.lstrip("/")),
    }  # fmt: skip
    options = {key: value for key, value in options.items() if value} | query
    user = quote(options["user"], safe="") + "@" if "user" in options else ""
    place = quote(options.get("host", "localhost"), safe="") + (f":{options['port']}" if "port" in options else "")
    return Address(f"postgresql://{user}{place}/{quote(options.get('dbname', ''), safe='')}", options, **ours)


@contextmanager
def _session(place: Address, limits: Limits) -> Iterator[Connection[Any]]:
    """Open a read-only session in one snapshot, with a limit of time; errors of the server become ours."""
    try:
        import psycopg
    except ImportError:
        raise InputError.of("POSTGIS_EXTRA", source=place.shown) from None
    options = {"connect_timeout": str(_CONNECT_SECONDS), "application_name": "controllines"} | place.options
    try:
        with psycopg.connect(**options, client_encoding="UTF8") as connection:  # type: ignore[arg-type]
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            # An empty search path: nobody else's function can stand in for one of PostGIS.
            for setting, value in (("statement_timeout", f"{limits.max_seconds * 1000:.0f}"), ("search_path", "")):
                connection.execute("SELECT pg_catalog.set_config(%s, %s, false)", (setting, value))
            yield connection
    except psycopg.errors.QueryCanceled:
        raise _exceeded(place, "max_seconds", limits.max_seconds, f"超过 {limits.max_seconds:g} 秒") from None
    except UnicodeDecodeError:
        raise InputError.of("TEXT_UNREADABLE", source=place.shown) from None
    except psycopg.Error as problem:
        raise InputError.of("POSTGIS_ERROR", source=place.shown, actual=_words(problem, place)) from None


def _words(problem: Exception, place: Address) -> str:
    told = " ".join(str(problem).split())
    for key, secret in place.options.items():
        if "password" in key and secret:
            told = told.replace(secret, "***").replace(quote(secret, safe=""), "***")
    return told[:300] or type(problem).__name__


def _exceeded(place: Address, limit: str, most: object, actual: object) -> InputError:
    return InputError.of("LIMIT_EXCEEDED", source=place.shown, limit=limit, expected=most, actual=actual)


@dataclass(frozen=True)
class _Table:
    """One geometry column: schema, table, column, SRID of its type (0 if not said), schema of PostGIS."""

    schema: str
    table: str
    geom: str
    srid: int
    gis: str

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.table}"


def tables(what: object, limits: Limits = DEFAULT_LIMITS) -> list[tuple[str, str]]:
    """Return (``schema.table``, table) of the tables with a geometry column in the schema of an address, by name.

    Raises
    ------
    InputError
    """
    place = address(what)
    with _session(place, limits) as connection:
        found = _geometry_columns(connection, place)
    return sorted({(one.label, one.table) for one in found})


def read(what: object, *, layer: str | None, limits: Limits) -> list[Source]:
    """Read one table, or all tables with a geometry column in the schema of an address.

    Parameters
    ----------
    what : ``postgresql://…`` or an address
    layer : ``schema.table``, or a table of the address's schema; else ``?table=`` of the address

    Raises
    ------
    InputError, CRSError
    """
    place = address(what)
    place = replace(place, table=layer or place.table)
    with _session(place, limits) as connection:
        found = _geometry_columns(connection, place)
        if not found:
            known = "、".join(one.label for one in _geometry_columns(connection, replace(place, table=None)))
            if place.table is None:
                raise InputError.of("FILE_NO_LAYER", source=place.shown, actual=place.schema)
            raise InputError.of("LAYER_UNKNOWN", source=place.shown, actual=place.table, expected=known[:300] or "没有")
        return [_read(connection, one, place, limits) for one in _one_column_each(found, place)]


def _geometry_columns(connection: Connection[Any], place: Address) -> list[_Table]:
    from psycopg import sql

    home = connection.execute(
        "SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
        " WHERE e.extname = 'postgis'"
    ).fetchone()
    if home is None:
        raise InputError.of("POSTGIS_MISSING", source=place.shown)
    columns = sql.SQL(
        "SELECT f_table_schema, f_table_name, f_geometry_column, srid FROM {0}.geometry_columns UNION ALL "
        "SELECT f_table_schema, f_table_name, f_geography_column, srid FROM {0}.geography_columns"
    ).format(sql.Identifier(home[0].replace("%", "%%")))  # beside bound values psycopg reads % even in names
    wanted = sql.SQL(
        "SELECT * FROM ({}) AS g (s, t, c, srid) WHERE (s || '.' || t = %(table)s OR s = %(schema)s AND"
        " (t = %(table)s OR %(table)s::text IS NULL)) AND (c = %(geom)s OR %(geom)s::text IS NULL) ORDER BY s, t, c"
    ).format(columns)
    bound = {"table": place.table, "schema": place.schema, "geom": place.geom}
    rows = connection.execute(wanted, bound)
    return [_Table(schema, table, geom, srid, home[0]) for schema, table, geom, srid in rows]


def _one_column_each(found: list[_Table], place: Address) -> list[_Table]:
    labels = [one.label for one in found]
    doubled = [one for one in found if labels.count(one.label) > 1]
    if doubled:
        raise InputError.of("POSTGIS_GEOMETRIES", source=place.shown, layer=doubled[0].label,
                            actual="、".join(one.geom for one in doubled if one.label == doubled[0].label))  # fmt: skip
    if place.table is not None and len(found) > 1:
        raise InputError.of("LAYER_CHOICE", source=place.shown, actual="、".join(labels), expected=place.table)
    return found


def _read(connection: Connection[Any], table: _Table, place: Address, limits: Limits) -> Source:
    columns = _columns(connection, table)
    crs, how = _crs(connection, table, place)
    digest = hashlib.sha256(json.dumps([list(columns), how], ensure_ascii=False).encode())
    records, wkb = [], []
    size, end = 0, time.monotonic() + limits.max_seconds
    for *values, shape in _rows(connection, table, columns):
        digest.update(json.dumps(values, ensure_ascii=False).encode() + b"\n" + (shape or b""))
        records.append(values)
        wkb.append(shape)
        size += len(shape or b"")
        if len(records) > limits.max_features:
            raise _exceeded(place, "max_features", limits.max_features, f"{table.label} 不止这些要素")
        if size > limits.max_file_bytes:
            raise _exceeded(place, "max_file_bytes", limits.max_file_bytes, f"{table.label} 的几何不止这些字节")
        if time.monotonic() > end:
            raise _exceeded(place, "max_seconds", limits.max_seconds, f"{table.label} 未读完")
    where: dict[str, Any] = {"source": place.shown, "layer": table.label}
    found: list[Finding] = []
    return Source(
        path=place.shown, layer=table.label, frame=_frame(records, columns), geoms=_geometries(wkb, where, found),
        crs=crs, crs_found=how, encoding=None, resolution_m=None, sha256=digest.hexdigest(), driver="PostGIS",
        findings=tuple(found),
    )  # fmt: skip


def _columns(connection: Connection[Any], table: _Table) -> dict[str, tuple[str, bool]]:
    """Return the attribute columns: name → (int8, float8, bool or text; part of the primary key)."""
    rows = connection.execute(
        "SELECT a.attname, pg_catalog.format_type(a.atttypid, NULL), coalesce(a.attnum = ANY (i.indkey), false)"
        " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary"
        " WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        (table.schema, table.table),
    )
    return {
        name: (_TYPES.get(kind, "text"), key)
        for name, kind, key in rows
        if kind.rpartition(".")[2].strip('"') not in _LEFT_OUT
    }


def _rows(
    connection: Connection[Any], table: _Table, columns: dict[str, tuple[str, bool]]
) -> Iterator[tuple[Any, ...]]:
    """Stream the rows: attributes, WKB.

    By primary key (text by code point); without one, by all attributes as text and then by the geometry, so that the
    same rows always come in the same order.
    """
    from psycopg import sql

    def named(function: str) -> Composable:
        return sql.SQL("{}.{}").format(sql.Identifier(table.gis), sql.Identifier(function))

    shape = sql.SQL("{}::{}").format(sql.Identifier(table.geom), named("geometry"))
    plain = sql.SQL("{}({}({}))").format(named("st_asbinary"), named("st_force2d"), shape)
    cast = {name: sql.SQL("{}::pg_catalog.{}").format(sql.Identifier(name), sql.Identifier(kind))
            for name, (kind, _) in columns.items()}  # fmt: skip
    keys = [name for name, (_, key) in columns.items() if key] or list(columns)
    by_text = sql.SQL('{}::pg_catalog.text COLLATE pg_catalog."C"')
    order = [cast[name] if columns[name][0] == "int8" else by_text.format(sql.Identifier(name)) for name in keys]
    query = sql.SQL("SELECT {} FROM {} ORDER BY {}").format(
        sql.SQL(", ").join([*cast.values(), plain]),
        sql.Identifier(table.schema, table.table),
        sql.SQL(", ").join([*order, plain]),
    )
    with connection.cursor(name="controllines") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(query)  # nothing bound: beside bound values psycopg reads % in the names of columns, too
        yield from cursor


def _crs(connection: Connection[Any], table: _Table, place: Address) -> tuple[pyproj.CRS | None, str]:
    """Return the CRS by the SRID of the column's type, else of its geometries; pyproj alone interprets it."""
    from psycopg import sql

    srids = {table.srid}
    if not table.srid:
        rows = connection.execute(
            sql.SQL("SELECT DISTINCT {gis}.ST_SRID({g}::{gis}.geometry) FROM {t} WHERE {g} IS NOT NULL LIMIT 3").format(
                gis=sql.Identifier(table.gis),
                g=sql.Identifier(table.geom),
                t=sql.Identifier(table.schema, table.table),
            )
        )
        srids = {srid for (srid,) in rows}
    where: dict[str, Any] = {"source": place.shown, "layer": table.label}
    if len(srids) > 1:
        raise CRSError.of("POSTGIS_SRIDS", actual="、".join(map(str, sorted(srids))), **where)
    srid = srids.pop() if srids else 0
    if srid == 0:
        return None, "未找到（SRID 为 0）"
    row = connection.execute(
        sql.SQL("SELECT auth_name, auth_srid, srtext FROM {}.spatial_ref_sys WHERE srid = {}").format(
            sql.Identifier(table.gis), sql.Literal(srid)
        )
    ).fetchone()
    for name in [f"{row[0]}:{row[1]}", row[2]] if row else []:
        try:
            return pyproj.CRS.from_user_input(name), f"PostGIS SRID {srid}"
        except ProjCRSError:
            continue
    raise CRSError.of("CRS_UNKNOWN", actual=f"SRID {srid}", **where)


def _frame(records: list[list[Any]], columns: dict[str, tuple[str, bool]]) -> pd.DataFrame:
    frame = pd.DataFrame(records, columns=list(columns), dtype=object, index=pd.RangeIndex(len(records)))
    kinds: dict[str, Any] = {
        name: "float64" if kind == "float8" else "int64"
        for name, (kind, _) in columns.items()
        if kind == "float8" or (kind == "int8" and len(frame) and frame[name].notna().all())
    }
    return frame.astype(kinds)


def _geometries(wkb: list[bytes | None], where: dict[str, Any], found: list[Finding]) -> np.ndarray:
    geoms, curved = np.full(len(wkb), None, dtype=object), 0
    for row, shape in enumerate(wkb):
        if shape is None:
            continue
        try:
            if curves.is_curved(shape[:5]):
                geoms[row], arcs = curves.straightened(shape)
                curved += bool(arcs)
            else:
                geoms[row] = shapely.from_wkb(shape)
        except (ValueError, struct.error, RecursionError, shapely.errors.ShapelyError):
            found.append(finding("GEOMETRY_UNREADABLE", feature=f"row:{row + 1}", **where))
    if curved:
        found.append(finding("CURVES_LINEARISED", actual=curved, expected=f"{curves.SAGITTA_M * 1000:.1f}", **where))
    return geoms
