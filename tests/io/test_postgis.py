"""PostGIS tables, hostile ones too, on a server of the tests' own."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from controllines import io, official_area
from controllines.convert import convert
from controllines.describe import describe
from controllines.errors import ControlLinesError, CRSError, InputError, PlanError
from controllines.io import Limits
from controllines.io import postgis as room
from controllines.io.writers import suffixes
from controllines.layers import read_layer
from controllines.parcels import read_parcels
from controllines.pipeline import Job, check, run
from controllines.plans import open_plan

SECRET = "p%w/o@r d's"
CORNER = (30_385_000, 4_738_000)
SQUARE = shapely.box(CORNER[0], CORNER[1], CORNER[0] + 1000, CORNER[1] + 1000)
HOSTILE = "x\"; DROP TABLE 证; --'%s{0}."


@pytest.fixture
def server(postgis: Any) -> Iterator[Any]:
    """The server with an empty schema ``sj`` that the session's other tests do not see."""
    postgis.execute("CREATE SCHEMA sj")
    yield postgis
    postgis.execute("DROP SCHEMA sj CASCADE")


def url(server: Any, password: str | None = None, **query: str) -> str:
    secret = f":{quote(password, safe='')}" if password else ""
    given = {"host": server.info.host, "schema": "sj"} | query
    words = "&".join(f"{key}={quote(value, safe='')}" for key, value in given.items())
    return f"postgresql://postgres{secret}@/postgres?{words}"


def table(
    server: Any, name: str, *rows: tuple[Any, ...], columns: str = "bsm text", geom: str = "geometry(Polygon, 4518)"
) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    server.execute(f"CREATE TABLE sj.{quoted} ({columns}{',' if columns else ''} geom {geom})")
    for row in rows:
        marks = ", ".join(["%s"] * len(row))
        server.execute(f"INSERT INTO sj.{quoted} VALUES ({marks})", row)


def ewkt(geometry: Any, srid: int = 4518) -> str:
    return f"SRID={srid};{shapely.to_wkt(geometry, rounding_precision=-1)}"


def code_of(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(ControlLinesError) as raised:
        call(*args, **kwargs)
    assert SECRET not in str(raised.value)
    return raised.value.finding.code


# --- addresses -------------------------------------------------------------------------------------------------------


def test_the_password_is_split_off() -> None:
    place = io.address(
        f"postgresql://li:{quote(SECRET, safe='')}@db.example:5433/规划?table=sj.STBHHX&geom=shape&sslmode=require"
    )
    assert place.options == {"host": "db.example", "port": "5433", "user": "li", "password": SECRET, "dbname": "规划",
                             "sslmode": "require"}  # fmt: skip
    assert (place.table, place.schema, place.geom) == ("sj.STBHHX", "public", "shape")
    assert str(place) == place.shown == f"postgresql://li@db.example:5433/{quote('规划')}"
    assert place.name == "STBHHX"
    assert SECRET not in repr(place)
    assert quote(SECRET, safe="") not in repr(place)


def test_a_password_among_the_options_is_not_shown_either() -> None:
    place = io.address(f"postgres://db.example/gh?password={quote(SECRET)}")
    assert place.options["password"] == SECRET
    assert SECRET not in repr(place) + str(place)
    assert (place.shown, place.name) == ("postgresql://db.example/gh", "gh")


@pytest.mark.parametrize(
    "bad", ["postgresql://u:geheim@h:99999999/x", "postgresql://u:geheim@[h/x", "postgresql://u:geheim@h/x?table"]
)
def test_an_address_that_cannot_be_read_is_not_repeated(bad: str) -> None:
    with pytest.raises(InputError) as raised:
        io.address(bad)
    assert raised.value.finding.code == "POSTGIS_ADDRESS"
    assert "geheim" not in str(raised.value)


@pytest.mark.parametrize("what", ["plan.toml", Path("postgresql.gpkg"), None, "http://a/b"])
def test_what_is_no_address(what: object) -> None:
    assert not io.is_address(what)


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "psycopg":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError) as raised:
        io.read("postgresql://a@b/c?table=d")
    assert raised.value.finding.code == "POSTGIS_EXTRA"
    assert "controllines[postgis]" in raised.value.finding.fix


def test_no_server() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(InputError) as raised:
        io.read(
            f"postgresql://li:{quote(SECRET, safe='')}@/gh?host=%2Fnowhere&table=t&options={quote('-c x=' + SECRET)}"
        )
    assert raised.value.finding.code == "POSTGIS_ERROR"
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None


# --- reading ---------------------------------------------------------------------------------------------------------

pg = pytest.mark.postgis


@pg
def test_attributes_keep_their_types(server: Any) -> None:
    columns = (
        "bsm text, n integer, m bigint, kcxs numeric(6,4), x real, ok boolean, d date, 名称 varchar(20), code char(8),"
        " j jsonb, b bytea"
    )
    first = ("r1", 1, 2**53 + 1, "0.1250", 0.5, True, "2026-11-21", "红线", "0102", '{"a": 1}', b"\1", ewkt(SQUARE))
    table(
        server, "STBHHX", first, ("r2", None, 7, None, None, None, None, None, None, None, None, None), columns=columns
    )
    (source,) = io.read(url(server, table="sj.STBHHX"))
    frame = source.frame
    assert list(frame.columns) == ["bsm", "n", "m", "kcxs", "x", "ok", "d", "名称", "code", "j"]
    assert frame.iloc[0].tolist() == ["r1", 1, 2**53 + 1, 0.125, 0.5, True, "2026-11-21", "红线", "0102", '{"a": 1}']
    assert frame["m"].dtype == np.int64
    assert frame["kcxs"].dtype == np.float64
    assert frame.iloc[1]["n"] is None
    assert np.isnan(frame.iloc[1]["kcxs"])
    assert source.geoms[0].equals_exact(SQUARE, 0)
    assert source.geoms[1] is None
    assert (source.crs, source.crs_found) == (pyproj.CRS(4518), "PostGIS SRID 4518")
    assert (source.layer, source.driver, source.resolution_m) == ("sj.STBHHX", "PostGIS", None)


@pg
def test_hostile_names_and_values(server: Any) -> None:
    table(server, "证", ("keep", ewkt(SQUARE)))
    quoted = HOSTILE.replace('"', '""').replace("%", "%%")
    server.execute(
        f'CREATE TABLE sj."{quoted}" ("{quoted}" text, "select" int, geom geometry(Polygon, 4518))'.replace("%%", "%")
    )
    server.execute(f'INSERT INTO sj."{quoted}" VALUES (%s, 1, %s)', (HOSTILE, ewkt(SQUARE)))
    for name in (HOSTILE, f"sj.{HOSTILE}"):
        (source,) = io.read(url(server, table=name))
        assert source.frame.iloc[0].to_dict() == {HOSTILE: HOSTILE, "select": 1}
        assert source.layer == f"sj.{HOSTILE}"
    assert code_of(io.read, url(server, table="证'; DROP SCHEMA sj CASCADE; --")) == "LAYER_UNKNOWN"
    assert code_of(io.read, url(server, table="证", geom="geom) FROM x; --")) == "LAYER_UNKNOWN"
    assert len(io.read(url(server, table="证"))[0].frame) == 1


@pg
def test_the_session_can_write_nothing(server: Any) -> None:
    """A view that writes when it is read: the session is read only."""
    table(server, "log", columns="t text", geom="geometry")
    server.execute(
        "CREATE FUNCTION sj.spy() RETURNS text LANGUAGE sql AS 'INSERT INTO sj.log VALUES (''seen'') RETURNING t'"
    )
    server.execute("CREATE VIEW sj.v AS SELECT sj.spy() AS t, ST_MakeEnvelope(0, 0, 1, 1, 4490) AS geom")
    with pytest.raises(InputError) as raised:
        io.read(url(server, table="sj.v"))
    assert raised.value.finding.code == "POSTGIS_ERROR"
    assert "read-only" in raised.value.finding.message
    assert server.execute("SELECT count(*) FROM sj.log").fetchone() == (0,)


@pg
def test_nobody_elses_function_stands_in(server: Any) -> None:
    """A function with a better fitting signature in ``public`` must not be called."""
    table(server, "t", ("a", ewkt(SQUARE)))
    server.execute("CREATE FUNCTION public.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT 1/0'")
    try:
        assert len(io.read(url(server, table="t"))[0].frame) == 1
    finally:
        server.execute("DROP FUNCTION public.set_config(text, text, boolean)")


@pg
def test_a_slow_query_is_stopped(server: Any) -> None:
    server.execute("CREATE VIEW sj.slow AS SELECT pg_sleep(30)::text AS t, ST_MakeEnvelope(0, 0, 1, 1, 4490) AS geom")
    with pytest.raises(InputError) as raised:
        io.read(url(server, table="slow"), limits=Limits(max_seconds=0.3))
    assert (raised.value.finding.code, raised.value.finding.expected) == ("LIMIT_EXCEEDED", "0.3")


@pg
@pytest.mark.parametrize(
    ("limits", "named"), [(Limits(max_features=2), "max_features"), (Limits(max_file_bytes=100), "max_file_bytes")]
)
def test_limits(server: Any, limits: Limits, named: str) -> None:
    table(server, "t", *[(str(n), ewkt(SQUARE)) for n in range(3)])
    with pytest.raises(InputError) as raised:
        io.read(url(server, table="t"), limits=limits)
    assert raised.value.finding.code == "LIMIT_EXCEEDED"
    assert named in raised.value.finding.message


@pg
def test_rows_come_in_the_same_order_with_the_same_checksum(server: Any) -> None:
    rows = [
        ("b", ewkt(SQUARE)),
        ("a", ewkt(shapely.box(*CORNER, CORNER[0] + 5, CORNER[1] + 5))),
        ("A", ewkt(SQUARE)),
        (None, ewkt(SQUARE)),
    ]
    table(server, "t1", *rows)
    (first,) = io.read(url(server, table="t1"))
    assert first.frame["bsm"].tolist() == ["A", "a", "b", None]
    server.execute("DROP TABLE sj.t1")
    table(server, "t1", *reversed(rows))
    (again,) = io.read(url(server, table="t1"))
    assert (again.sha256, again.frame["bsm"].tolist()) == (first.sha256, first.frame["bsm"].tolist())
    server.execute("UPDATE sj.t1 SET bsm = 'c' WHERE bsm = 'b'")
    assert io.read(url(server, table="t1"))[0].sha256 != first.sha256


@pg
def test_a_primary_key_orders_the_rows(server: Any) -> None:
    table(server, "t", (10, "a", ewkt(SQUARE)), (9, "b", ewkt(SQUARE)), columns="fid int PRIMARY KEY, bsm text")
    assert io.read(url(server, table="t"))[0].frame["fid"].tolist() == [9, 10]


@pg
def test_many_rows_are_streamed(server: Any) -> None:
    table(server, "t")
    server.execute(
        "INSERT INTO sj.t SELECT n::text, ST_MakeEnvelope(n, 0, n + 1, 1, 4518) FROM generate_series(1, 5001) n"
    )
    (source,) = io.read(url(server, table="t"))
    assert len(source.frame) == len(source.geoms) == 5001
    assert [int(g.bounds[0]) for g in source.geoms] == source.frame["bsm"].astype(int).tolist()


@pg
def test_z_m_and_curves(server: Any) -> None:
    circle = "CURVEPOLYGON(CIRCULARSTRING(0 0, 200 0, 0 0))"
    straight = "MULTISURFACE(((0 0, 10 0, 10 10, 0 0)))"
    solid = "POLYGON ZM ((0 0 5 1, 10 0 5 2, 10 10 5 3, 0 0 5 1))"
    rows = [(n, f"SRID=4518;{shape}") for n, shape in enumerate([solid, circle, straight])]
    table(server, "t", *rows, columns="n int PRIMARY KEY", geom="geometry")
    (source,) = io.read(url(server, table="t"))
    assert shapely.get_coordinate_dimension(source.geoms).tolist() == [2, 2, 2]
    assert source.geoms[0].area == 50
    ring = shapely.get_coordinates(source.geoms[1]) - (100, 0)
    middles = (ring[1:] + ring[:-1]) / 2
    assert np.hypot(*ring.T) == pytest.approx(100, abs=1e-9)
    assert np.hypot(*middles.T).min() > 100 - 5e-4  # the sagitta
    assert source.geoms[1].area == pytest.approx(np.pi * 100**2, rel=1e-6)
    assert source.geoms[2].geom_type == "MultiPolygon"
    assert [(f.code, f.actual) for f in source.findings] == [("CURVES_LINEARISED", "1")]


@pg
def test_geography_and_several_geometry_columns(server: Any) -> None:
    server.execute("CREATE TABLE sj.g (bsm text, shape geography(Polygon, 4326), point geometry(Point, 4490))")
    server.execute("INSERT INTO sj.g VALUES ('a', ST_MakeEnvelope(88, 42, 88.1, 42.1, 4326)::geography, NULL)")
    with pytest.raises(InputError) as raised:
        io.read(url(server, table="g"))
    assert (raised.value.finding.code, raised.value.finding.actual) == ("POSTGIS_GEOMETRIES", "point、shape")
    (source,) = io.read(url(server, table="g", geom="shape"))
    assert source.geoms[0].bounds == (88, 42, 88.1, 42.1)
    assert source.crs == pyproj.CRS(4326)
    assert list(source.frame.columns) == ["bsm"]


@pg
def test_srid_of_the_rows_where_the_column_says_none(server: Any) -> None:
    table(server, "t", ("a", ewkt(SQUARE)), geom="geometry")
    assert io.read(url(server, table="t"))[0].crs == pyproj.CRS(4518)
    server.execute("INSERT INTO sj.t VALUES ('b', %s)", (ewkt(SQUARE, 4490),))
    with pytest.raises(CRSError) as raised:
        io.read(url(server, table="t"))
    assert (raised.value.finding.code, raised.value.finding.actual) == ("POSTGIS_SRIDS", "4490、4518")


@pg
@pytest.mark.parametrize("rows", [[("a", ewkt(SQUARE, 0))], []])
def test_no_srid_is_no_crs(server: Any, rows: list[tuple[Any, ...]]) -> None:
    table(server, "t", *rows, geom="geometry")
    (source,) = io.read(url(server, table="t"))
    assert (source.crs, source.crs_found) == (None, "未找到（SRID 为 0）")
    assert len(source.frame) == len(rows)


@pg
def test_zone_24_by_an_srid_of_the_offices_own(server: Any) -> None:
    from controllines.crs import gauss_kruger, same

    wkt = gauss_kruger(24, prefix=True).to_wkt("WKT1_GDAL")
    server.execute(
        "INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext) VALUES (990024, 'local', 24, %s)", (wkt,)
    )
    try:
        table(
            server, "t", ("a", ewkt(shapely.box(24_600_000, 4_400_000, 24_600_100, 4_400_100), 990024)), geom="geometry"
        )
        (source,) = io.read(url(server, table="t"))
        assert source.crs is not None
        assert same(source.crs, gauss_kruger(24, prefix=True))
        server.execute("UPDATE spatial_ref_sys SET srtext = 'nonsense' WHERE srid = 990024")
        assert code_of(io.read, url(server, table="t")) == "CRS_UNKNOWN"
    finally:
        server.execute("DELETE FROM spatial_ref_sys WHERE srid = 990024")


@pg
def test_what_is_not_there(server: Any) -> None:
    assert code_of(io.read, url(server)) == "FILE_NO_LAYER"
    table(server, "t", ("a", ewkt(SQUARE)))
    with pytest.raises(InputError) as raised:
        io.read(url(server, table="T"))
    assert (raised.value.finding.code, raised.value.finding.expected) == ("LAYER_UNKNOWN", "sj.t")
    assert code_of(io.read, url(server).replace("/postgres?", "/template1?")) == "POSTGIS_MISSING"
    assert code_of(io.read, url(server).replace("/postgres?", "/nosuch?")) == "POSTGIS_ERROR"


@pg
def test_a_table_without_attributes_and_one_without_rows(server: Any) -> None:
    table(server, "bare", (ewkt(SQUARE),), columns="")
    table(server, "empty")
    by_name = {source.layer: source for source in io.read(url(server))}
    assert by_name["sj.bare"].frame.shape == (1, 0)
    assert by_name["sj.empty"].frame.shape == (0, 1)


@pg
def test_a_right_that_is_missing(server: Any) -> None:
    table(server, "t", ("a", ewkt(SQUARE)))
    server.execute("CREATE ROLE outsider LOGIN")
    try:
        assert code_of(io.read, url(server, table="sj.t").replace("postgres@", "outsider@")) == "LAYER_UNKNOWN"
    finally:
        server.execute("DROP ROLE outsider")


# --- plans and parcels -----------------------------------------------------------------------------------------------


@pytest.fixture
def county(server: Any) -> Any:
    """Official tables in schema ``sj``: the county, a redline over the western half of a square kilometre, others."""
    x, y = CORNER
    around = shapely.box(x - 20_000, y - 20_000, x + 20_000, y + 20_000)
    table(server, "XJXZQ", ("650422", "托克逊县", ewkt(around)), columns="xzqdm text, xzqmc text")
    table(server, "stbhhx", ("r1", ewkt(shapely.box(x, y, x + 500, y + 1000))))
    table(server, "YJJBNTBHTB", ("f1", ewkt(shapely.box(x, y + 3000, x + 500, y + 4000))))
    table(server, "CZKFBJ", ("u1", ewkt(shapely.box(x, y, x + 1000, y + 1000))))
    table(server, "dk", ("d1", ewkt(SQUARE)), columns="dkbh text")
    return server


@pg
def test_a_schema_with_official_tables_is_a_plan(county: Any) -> None:
    plan = open_plan(url(county, password=SECRET))
    assert {"ecological_redline", "permanent_farmland", "urban_boundary"} <= set(plan.layers)
    assert plan.name == "postgres"
    origin = plan.layers["ecological_redline"].origins[0]
    assert (origin.layer, origin.driver, origin.path) == ("sj.stbhhx", "PostGIS", plan.path)
    assert plan.path.startswith("postgresql://postgres@")
    for shown in (repr(plan), repr(plan.specs), str(plan.layers["ecological_redline"].origins)):
        assert SECRET not in shown
        assert quote(SECRET, safe="") not in shown


@pg
def test_plan_toml_names_tables(county: Any, tmp_path: Path) -> None:
    toml = tmp_path / "plan.toml"
    toml.write_text(
        f'[layers.ecological_redline]\npath = "{url(county, password=SECRET)}"\nlayer = "sj.stbhhx"\nversion = "1"\n'
        f'[layers.urban_boundary]\npath = "{url(county, password=SECRET, table="CZKFBJ")}"\n'
        f'[layers.county]\npath = "{url(county, password=SECRET, table="XJXZQ")}"\nversion = "1"\n'
        f'[layers.permanent_farmland]\npath = "{url(county, password=SECRET, table="nosuch")}"\nversion = "1"\n',
        encoding="utf-8",
    )
    plan = open_plan(toml)
    assert set(plan.layers) == {"ecological_redline", "urban_boundary", "county"}
    assert set(plan.failed) == {"permanent_farmland"}
    shown = repr(plan) + "".join(map(str, plan.all_findings))
    assert SECRET not in shown
    assert quote(SECRET, safe="") not in shown


@pg
def test_a_whole_run_from_the_database(county: Any, tmp_path: Path) -> None:
    plan, parcels = url(county, password=SECRET), url(county, password=SECRET, table="sj.dk")
    outcome = run(Job(parcels=(parcels,), plan=plan, out=str(tmp_path / "out"), as_of="2026-11-21"))
    overlaps = outcome.result.overlaps.set_index("kind")
    # golden value T2: 999 677.63 m² for the square; the redline takes its western half
    assert outcome.result.parcels["area_m2"].tolist() == pytest.approx([999_677.63], abs=0.02)
    whole = overlaps.loc["ecological_redline", "area_m2"] + overlaps.loc["ecological_redline", "outside_m2"]
    assert whole == pytest.approx(999_677.63, abs=0.02)
    assert overlaps.loc["ecological_redline", "share"] == pytest.approx(0.5, abs=1e-4)
    assert overlaps.loc["permanent_farmland", "outcome"] == "none"
    text = repr(outcome.result) + str(outcome.result.provenance) + outcome.result.findings.to_csv()
    files = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    for secret in (SECRET, quote(SECRET, safe="")):
        assert secret not in text
        assert not any(secret.encode() in data for data in files)


@pg
def test_parcels_of_a_table_that_cannot_be_read_stay_in_sight(county: Any) -> None:
    layer = read_parcels([url(county, table="dk"), url(county, table="nosuch", password=SECRET)])
    assert layer.frame["status"].tolist() == ["ok", "excluded"]
    assert layer.frame["declared_id"].tolist()[0] == "d1"
    assert SECRET not in repr(layer) + layer.frame.to_csv()


@pg
def test_a_dictionary_of_addresses(county: Any) -> None:
    result = check(
        gpd.GeoDataFrame({"DKBH": ["a"]}, geometry=[SQUARE], crs=4518),
        {"ecological_redline": url(county, table="stbhhx", password=SECRET), "county": url(county, table="XJXZQ")},
        as_of="2026-11-21",
    )
    assert result.overlaps.set_index("kind").loc["ecological_redline", "outcome"] == "conflict"
    assert SECRET not in str(result.provenance)
    layer = read_layer(url(county), "生态保护红线")  # chosen by its official name among all tables
    assert layer.frame["feature_id"].tolist() == ["r1"]


@pg
def test_a_schema_without_official_tables_lists_what_it_has(server: Any) -> None:
    table(server, "甲", ("a", ewkt(SQUARE)))
    with pytest.raises(PlanError) as raised:
        open_plan(url(server))
    assert raised.value.finding.code == "PLAN_NO_TABLES"
    assert "sj.甲" in raised.value.finding.message
    assert code_of(open_plan, url(server, password=SECRET).replace("/postgres?", "/nosuch?")) == "POSTGIS_ERROR"
    assert code_of(open_plan, "postgresql://u:p@[h/x") == "POSTGIS_ADDRESS"


@pg
def test_two_tables_of_one_kind(county: Any) -> None:
    table(county, "生态保护红线", ("r", ewkt(SQUARE)))
    assert code_of(open_plan, url(county)) == "PLAN_TWO_TABLES"


def test_the_room_lists_tables_by_name(server: Any) -> None:
    table(server, "b")
    table(server, "a")
    assert room.tables(url(server)) == [("sj.a", "a"), ("sj.b", "b")]


@pg
def test_a_shape_without_polygon_form_is_named(server: Any) -> None:
    surface = "SRID=4518;TIN(((0 0 0, 0 0 1, 0 1 0, 0 0 0)))"
    table(server, "t", ("a", surface), ("b", ewkt(SQUARE)), geom="geometry")
    (source,) = io.read(url(server, table="t"))
    assert [shape is None for shape in source.geoms] == [True, False]
    assert [(item.code, item.feature) for item in source.findings] == [("GEOMETRY_UNREADABLE", "row:1")]


@pg
@pytest.mark.parametrize("suffix", [s for s in suffixes() if s != ".dxf"])
def test_a_table_into_a_file_of_every_format(server: Any, tmp_path: Path, suffix: str) -> None:
    x, y = CORNER
    holed = SQUARE - shapely.box(x + 100, y + 100, x + 200, y + 200)
    table(server, "地块", ("甲", "一号", ewkt(holed)), ("乙", "二号", None), columns='dkbh text, "地块名称" text')
    done = convert(url(server, SECRET, table="地块"), tmp_path / f"a{suffix}")
    assert (done.features_in, done.written + done.set_aside) == (2, 2)
    back = read_parcels([path for path in done.files if path.name.endswith(suffix)])
    [row] = back.frame[back.used].to_dict("records")
    assert (row["declared_id"], row["name"]) == ("甲", "一号")
    # Long edges are straight in the plane of the table; formats in degrees keep the corners only.
    assert official_area(back.frame[back.used])[0] == pytest.approx(999_677.63 - 9_996.77, abs=0.3)
    for path in done.files:
        assert SECRET.encode() not in path.read_bytes() if path.is_file() else True


@pg
def test_info_of_a_table(county: Any) -> None:
    lines = list(describe(f"{url(county, SECRET)}&table=stbhhx"))
    assert "  要素 1 = 可用 1 + 排除 0（无几何 0，修复 0）" in lines
    assert any("sj.stbhhx：生态保护红线（ecological_redline）" in line for line in lines)
    assert SECRET not in "".join(lines)
    assert quote(SECRET, safe="") not in "".join(lines)
