"""The demo county: published totals, exact partitions, applications that do what they are named for, every time."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from pandas.testing import assert_frame_equal

from controllines.area import official_area
from controllines.demo import DemoFiles, make_demo
from controllines.demo.write import sheet_number
from controllines.errors import OutputError, UsageError
from controllines.kinds import kind_of_table

COMMITTED = Path(__file__).resolve().parents[1] / "data" / "demo"
KM2 = 1e6
NOTICE = "合成数据，仅供演示"
#: GB/T 2260 code of 托克逊县 and its townships, as published.
TOWNSHIPS = {
    "650422100": "托克逊镇", "650422101": "库米什镇", "650422102": "克尔碱镇", "650422104": "伊拉湖镇",
    "650422105": "夏镇", "650422201": "郭勒布依乡", "650422203": "博斯坦乡",
}  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    return make_demo(tmp_path_factory.mktemp("demo") / "演示")


@pytest.fixture(scope="module")
def layers(demo: DemoFiles) -> dict[str, gpd.GeoDataFrame]:
    return read_layers(demo.plan.parent)


def read_layers(folder: Path) -> dict[str, gpd.GeoDataFrame]:
    (path,) = folder.glob("*.gpkg")
    return {name: pyogrio.read_dataframe(path, layer=name) for name, _ in pyogrio.list_layers(path)}


def official_km2(geoms: object) -> float:
    return float(np.sum(official_area(np.atleast_1d(np.asarray(geoms, dtype=object)), "EPSG:4490"))) / KM2


def union(layers: dict[str, gpd.GeoDataFrame], name: str) -> shapely.Geometry:
    return layers[name].union_all()


@pytest.mark.parametrize(("table", "published"), [("STBHHX", 55.07), ("YJJBNTBHTB", 202.80), ("CZKFBJ", 74.91)])
def test_lines_have_the_published_totals(layers: dict[str, gpd.GeoDataFrame], table: str, published: float) -> None:
    frame = layers[table]
    assert official_km2(union(layers, table)) == pytest.approx(published, abs=0.01)
    assert official_km2(frame.geometry) == pytest.approx(official_km2(union(layers, table)), abs=1e-7)  # no overlap
    stored = frame["YJJBNTTBMJ" if table == "YJJBNTBHTB" else "MJ"].sum() / KM2
    assert stored == pytest.approx(published, abs=0.01)


def test_net_farmland_has_the_published_total_too(layers: dict[str, gpd.GeoDataFrame]) -> None:
    farmland = layers["YJJBNTBHTB"]
    net = official_area(farmland) * (1 - farmland["KCXS"])
    assert net.sum() / KM2 == pytest.approx(202.80, abs=0.01)
    assert ((farmland["KCXS"] > 0) & (farmland["KCXS"] < 0.01)).sum() == 3
    np.testing.assert_allclose(farmland["YJJBNTMJ"], net, atol=0.00501)


def test_layers_have_official_tables_and_coordinates(layers: dict[str, gpd.GeoDataFrame]) -> None:
    kinds = {kind_of_table(name).key for name in layers}  # type: ignore[union-attr]
    assert kinds == {
        "ecological_redline", "permanent_farmland", "urban_boundary", "nature_reserve", "county", "township",
        "planning_zone", "land_use",
    }  # fmt: skip
    geod = pyproj.Geod(ellps="GRS80")
    serials: list[str] = []
    for frame in layers.values():
        assert frame.crs == "EPSG:4490"
        assert frame.is_valid.all()
        assert (frame["BZ"] == NOTICE).all()
        serials += list(frame["BSM"])
        rings = shapely.get_rings(np.asarray(frame.geometry))
        xy, ring = shapely.get_coordinates(rings, return_index=True)
        same = ring[1:] == ring[:-1]
        length = geod.inv(*xy[:-1][same].T, *xy[1:][same].T)[2]
        assert length.max() <= 1000
        assert (np.round(xy, 9) == xy).all()
    assert {len(serial) for serial in serials} == {18}
    assert len(set(serials)) == len(serials)


@pytest.mark.parametrize("table", ["XZQ", "GHFQ", "DLTB"])
def test_units_and_patches_partition_the_county(layers: dict[str, gpd.GeoDataFrame], table: str) -> None:
    county = official_km2(layers["XJXZQ"].geometry)
    assert county == pytest.approx(16_600, rel=0.001)
    assert official_km2(layers[table].geometry) == pytest.approx(county, rel=1e-9)
    assert official_km2(union(layers, table)) == pytest.approx(county, rel=1e-9)  # neither overlap nor gap
    west, _, east, _ = layers["XJXZQ"].total_bounds
    assert west < 88.5 < east  # in two 3° zones


def test_names_and_codes(layers: dict[str, gpd.GeoDataFrame]) -> None:
    townships = layers["XZQ"]
    assert dict(zip(townships["XZQDM"], townships["XZQMC"], strict=True)) == TOWNSHIPS
    zones = layers["GHFQ"]
    assert dict(zip(zones["GHFQDM"], zones["GHFQMC"], strict=True)) == {
        "100": "生态保护区", "200": "生态控制区", "300": "农田保护区", "400": "城镇发展区", "500": "乡村发展区",
        "700": "矿产能源发展区",
    }  # fmt: skip
    assert set(layers["CZKFBJ"]["GHFQMC"]) == {"城镇集中建设区", "城镇弹性发展区", "特别用途区"}
    assert set(layers["ZRBHD"]["GNFQMC"]) == {"核心保护区", "一般控制区"}
    assert layers["DLTB"].groupby("DLBM")["DLMC"].nunique().eq(1).all()
    assert 1500 <= len(layers["DLTB"]) <= 2600


def test_townships_are_those_of_the_published_list(shared: Path) -> None:
    import csv

    path = shared / "data" / "cn_township_names" / "xinjiang_kashgar_turpan_tacheng_townships.csv"
    with path.open(encoding="utf-8-sig") as file:
        text = [" ".join(row) for row in csv.reader(file)]
    for code, name in TOWNSHIPS.items():
        assert any(code in row and name in row for row in text), name


def test_lines_lie_as_they_should(layers: dict[str, gpd.GeoDataFrame]) -> None:
    redline, farmland, boundary = (union(layers, table) for table in ("STBHHX", "YJJBNTBHTB", "CZKFBJ"))
    assert redline.intersection(farmland).area == 0
    assert redline.intersection(boundary).area == 0
    shared_land = official_km2(farmland.intersection(boundary))
    assert 0 < shared_land < 2  # a few fields inside a town's boundary
    zones = layers["GHFQ"].dissolve("GHFQDM").geometry
    assert zones["100"].equals(redline)
    assert zones["400"].equals(boundary)
    assert official_km2(farmland.difference(shapely.union(zones["300"], boundary))) == 0
    assert redline.covers(union(layers, "ZRBHD"))
    pairs = layers["YJJBNTBHTB"].sjoin(layers["DLTB"], predicate="covered_by", lsuffix="field", rsuffix="patch")
    assert len(pairs) == len(layers["YJJBNTBHTB"])  # every field lies inside one patch
    assert (pairs["DLBM_patch"] == "0102").all()
    assert (pairs["KCXS_field"] == pairs["KCXS_patch"]).all()


def read_txt(path: Path) -> tuple[str, list[tuple[list[str], shapely.Polygon]]]:
    """A reader of the tests' own: strict, holes by ring number, x east and y north."""
    data = path.read_bytes()
    encoding = {b"\xef\xbb": "utf-8-sig", b"\xff\xfe": "utf-16"}.get(data[:2], "gbk")
    header, body = data.decode(encoding).split("[地块坐标]\r\n")
    plots: list[tuple[list[str], dict[str, list[tuple[float, float]]]]] = []
    for line in body.splitlines():
        if line.endswith("@"):
            plots.append((line.split(","), {}))
        else:
            _, ring, north, east = line.split(",")
            plots[-1][1].setdefault(ring, []).append((float(east), float(north)))
    return header, [(head, shapely.Polygon(rings.pop("1"), list(rings.values()))) for head, rings in plots]


@pytest.fixture(scope="module")
def plots(demo: DemoFiles) -> gpd.GeoDataFrame:
    """All readable plots in longitude and latitude, by readers that are not the package's."""
    frames = []
    for path in sorted(demo.applications.glob("*.txt")):
        if "戈壁物流仓库" in path.name:
            continue
        header, found = read_txt(path)
        zone = int(header.split("带号=")[1].split("\r")[0])
        heads = [head for head, _ in found]
        columns = {"id": [h[2] for h in heads], "name": [h[3] for h in heads], "ha": [float(h[1]) for h in heads]}
        frame = gpd.GeoDataFrame(columns, geometry=[g for _, g in found], crs=4488 + zone)
        frames.append(frame.assign(planar=frame.area, points=[int(h[0]) for h in heads], file=path.name))
    for path in sorted(demo.applications.iterdir()):
        if path.suffix in (".txt", ".toml"):
            continue
        source = f"/vsizip/{path}" if path.suffix == ".zip" else path
        frame = pyogrio.read_dataframe(source)
        frame = frame.rename(columns={"DKBH": "id", "DKMC": "name", "DKMJ": "ha", "parcel_id": "id"})
        lon = frame.to_crs(4490).bounds[["minx", "maxx"]].mean(axis=1)
        planar = np.where(lon < 88.5, frame.to_crs(4517).area, frame.to_crs(4518).area)
        frame = frame[["id", "name", "ha", "geometry"]].assign(planar=planar, points=0, file=path.name)
        frames.append(frame.assign(ha=frame["ha"] / 1e4))  # m² everywhere but in a TXT
    moved = [frame.to_crs(4490) for frame in frames]
    return gpd.GeoDataFrame(
        np.concatenate([f.to_numpy() for f in moved]), columns=moved[0].columns, geometry="geometry"
    )


def one(plots: gpd.GeoDataFrame, name: str) -> shapely.Polygon:
    (found,) = plots.geometry[plots["name"].str.startswith(name)]
    return found


def test_sixty_applications(demo: DemoFiles, plots: gpd.GeoDataFrame) -> None:
    names = [path.name for path in demo.applications.iterdir() if path.name != "project.toml"]
    assert all(name.startswith("演示_") for name in names)
    assert len([name for name in names if name.endswith(".txt")]) == 30
    assert plots["file"].value_counts().drop([n for n in names if n.endswith(".txt")], errors="ignore").to_dict() == {
        "演示_乡镇上报用地.zip": 12, "演示_发展改革部门汇总.gpkg": 9, "演示_网上申报.geojson": 8,
    }  # fmt: skip
    assert plots["name"].str.contains("（演示）").all()
    assert shapely.is_valid(np.asarray(plots.geometry)).all()
    applications = plots["name"].str.split("（演示）").str[0].nunique() + 1  # and the broken file
    assert applications == 58
    meets = shapely.STRtree(plots.geometry).query(plots.geometry, predicate="intersects")
    assert (meets[0] == meets[1]).all()  # no land is asked for twice


def test_declared_areas_are_planar_but_one(plots: gpd.GeoDataFrame) -> None:
    square_metres = np.abs(plots["ha"].astype(float) * 1e4 - plots["planar"].astype(float))
    wrong = square_metres > np.where(plots["file"].str.endswith(".txt"), 0.51, 0.006)
    assert list(plots["name"][wrong]) == ["废旧地膜回收站（演示）"]


def test_ids_repeat_once(plots: gpd.GeoDataFrame) -> None:
    repeated = plots["id"].value_counts().loc[lambda count: count > 1]
    assert repeated.to_dict() == {"DEMO2026-CF": 2}
    assert plots["file"][plots["id"] == "DEMO2026-CF"].nunique() == 2


def test_conflicts_of_every_kind(plots: gpd.GeoDataFrame, layers: dict[str, gpd.GeoDataFrame]) -> None:
    redline, farmland, boundary = (union(layers, table) for table in ("STBHHX", "YJJBNTBHTB", "CZKFBJ"))
    shapes = np.asarray(plots.geometry)
    on_redline = shapely.area(shapely.intersection(shapes, redline)) > 0
    on_farmland = shapely.area(shapely.intersection(shapes, farmland)) > 0
    inside, meets = shapely.covers(boundary, shapes), shapely.intersects(boundary, shapes)
    assert (on_redline.sum(), on_farmland.sum()) == (9, 10)
    assert list(plots["name"][on_redline & on_farmland]) == ["旅游公路（演示）"]
    assert (inside.sum(), (meets & ~inside).sum()) == (11, 7)
    assert (~on_redline & ~on_farmland & inside).sum() == 11
    assert not shapely.intersects(one(plots, "避让农田的储能电站"), farmland)
    assert farmland.intersects(shapely.Polygon(one(plots, "避让农田的储能电站").exterior))


def test_special_places(plots: gpd.GeoDataFrame, layers: dict[str, gpd.GeoDataFrame]) -> None:
    redline, county = union(layers, "STBHHX"), union(layers, "XJXZQ")
    crosses = (plots.bounds["minx"] < 88.5) & (plots.bounds["maxx"] > 88.5)
    assert list(plots["name"][crosses]) == ["跨带光伏基地（演示）"]
    assert len(one(plots, "避让农田的储能电站").interiors) == 1
    outside = plots["name"][~shapely.covers(county, np.asarray(plots.geometry))]
    assert list(outside) == ["县界加油站（演示）"]
    assert one(plots, "县界加油站").intersects(county)
    touching, strip = one(plots, "林区边防火通道"), one(plots, "林区边围栏工程")
    assert touching.touches(redline)
    assert touching.intersection(redline).length > 0.005  # along an edge, degrees
    overlap = gpd.GeoSeries([strip.intersection(redline)], crs=4490).to_crs(4517).iloc[0]
    assert 2 * overlap.area / overlap.length == pytest.approx(0.001, rel=0.2)


def test_texts_follow_the_exchange_format(demo: DemoFiles) -> None:
    encodings = []
    holes = 0
    for path in sorted(demo.applications.glob("*.txt")):
        data = path.read_bytes()
        encodings.append({b"\xef\xbb": "utf-8-sig", b"\xff\xfe": "utf-16"}.get(data[:2], "gbk"))
        if "戈壁物流仓库" in path.name:
            last = data.decode("gbk").splitlines()[-1]
            assert last.count(",") == 2  # number, ring, half a northing
            continue
        header, found = read_txt(path)
        assert NOTICE in header
        zone = header.split("带号=")[1].split("\r")[0]
        for head, shape in found:
            rings = [shape.exterior, *shape.interiors]
            assert int(head[0]) == sum(len(ring.coords) for ring in rings)
            assert head[4] == "面"
            assert head[5].startswith("K45G")
            assert all(f"{east:.0f}".startswith(zone) for ring in rings for east, _ in ring.coords)
            assert not shape.exterior.is_ccw
            corner = max(ring_point[1] - ring_point[0] for ring_point in shape.exterior.coords)
            first = shape.exterior.coords[0]
            assert first[1] - first[0] == corner  # begins in the north-west
            holes += len(shape.interiors)
    assert holes == 1
    assert {name: encodings.count(name) for name in set(encodings)} == {"gbk": 28, "utf-8-sig": 1, "utf-16": 1}


def test_shapefile_is_gbk(demo: DemoFiles) -> None:
    (path,) = demo.applications.glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        files = {Path(name).suffix: archive.read(name) for name in archive.namelist()}
    assert set(files) == {".shp", ".shx", ".dbf", ".prj", ".cpg"}
    assert files[".cpg"].strip() == b"GBK"
    assert "园区标准化厂房".encode("gbk") in files[".dbf"]


@pytest.mark.parametrize(
    ("lon", "lat", "number"),
    [(88.5996, 42.7766, "K45G030074"), (78.502, 39.778, "J44G006009")],  # samples of the exchange format
)
def test_sheet_numbers(lon: float, lat: float, number: str) -> None:
    assert sheet_number(lon, lat) == number


def test_same_seed_same_county(demo: DemoFiles, layers: dict[str, gpd.GeoDataFrame], tmp_path: Path) -> None:
    again = make_demo(tmp_path / "again")
    assert_same_content(again.plan.parents[1], demo.plan.parents[1], layers, exact=True)


def test_another_seed_another_county_with_the_same_totals(layers: dict[str, gpd.GeoDataFrame], tmp_path: Path) -> None:
    other = read_layers(make_demo(tmp_path / "other", seed=1).plan.parent)
    assert not union(other, "XJXZQ").equals(union(layers, "XJXZQ"))
    for table, published in (("STBHHX", 55.07), ("YJJBNTBHTB", 202.80), ("CZKFBJ", 74.91)):
        assert official_km2(union(other, table)) == pytest.approx(published, abs=0.01)


def test_committed_data_is_current(demo: DemoFiles, layers: dict[str, gpd.GeoDataFrame]) -> None:
    assert_same_content(COMMITTED, demo.plan.parents[1], layers, exact=False)
    assert sum(path.stat().st_size for path in COMMITTED.rglob("*.gpkg")) < 3_000_000


def assert_same_content(found: Path, wanted: Path, layers: dict[str, gpd.GeoDataFrame], *, exact: bool) -> None:
    """Compare two demo folders; coordinates of committed files may differ by the last digit between platforms."""
    names = sorted(str(path.relative_to(wanted)) for path in wanted.rglob("*"))
    assert sorted(str(path.relative_to(found)) for path in found.rglob("*")) == names
    for name in names:
        if Path(name).suffix in {".txt", ".toml", ".md", ".geojson"}:
            assert (found / name).read_bytes() == (wanted / name).read_bytes(), name
    tables = read_layers(found / "规划")
    assert list(tables) == list(layers)
    for table, frame in layers.items():
        assert_frame_equal(tables[table].drop(columns="geometry"), frame.drop(columns="geometry"), rtol=1e-9)
        tolerance = 0.0 if exact else 2e-9
        assert shapely.equals_exact(tables[table].geometry, frame.geometry, tolerance=tolerance).all(), table
    for name in names:
        if name.startswith("申请") and Path(name).suffix in {".zip", ".gpkg"}:
            rows = [pyogrio.read_dataframe(f"/vsizip/{root / name}" if name.endswith("zip") else root / name)
                    for root in (found, wanted)]  # fmt: skip
            assert_frame_equal(rows[0].drop(columns="geometry"), rows[1].drop(columns="geometry"))
            assert shapely.equals_exact(rows[0].geometry, rows[1].geometry, tolerance=0.0 if exact else 2e-3).all()


def test_every_file_says_that_it_is_synthetic(demo: DemoFiles) -> None:
    assert "synthetic = true" in demo.plan.read_text(encoding="utf-8")
    assert NOTICE in demo.plan.read_text(encoding="utf-8")
    assert NOTICE in (demo.plan.parents[1] / "说明.md").read_text(encoding="utf-8")
    (path,) = demo.applications.glob("*.geojson")
    assert json.loads(path.read_text(encoding="utf-8"))["description"] == NOTICE
    (plan,) = demo.plan.parent.glob("*.gpkg")
    assert pyogrio.read_info(plan, layer="STBHHX")["layer_metadata"]["notice"] == NOTICE


def test_an_earlier_demo_is_replaced_and_other_files_are_left_alone(tmp_path: Path) -> None:
    first = make_demo(tmp_path)
    (tmp_path / "核对结果").mkdir()
    stray = first.applications / "旧文件.txt"
    stray.write_text("x", encoding="utf-8")
    make_demo(tmp_path)
    assert (tmp_path / "核对结果").is_dir()
    assert not stray.exists()
    assert not list(tmp_path.glob(".demo-*"))


def test_foreign_folders_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "申请").mkdir()
    with pytest.raises(OutputError) as error:
        make_demo(tmp_path)
    assert error.value.finding.code == "DEMO_FOLDER_IN_USE"
    assert [path.name for path in tmp_path.iterdir()] == ["申请"]


def test_unknown_size_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="small, county"):
        make_demo(tmp_path, size="huge")


@pytest.mark.slow
def test_county_size_has_the_published_totals(tmp_path: Path) -> None:
    (path,) = make_demo(tmp_path, size="county").plan.parent.glob("*.gpkg")
    assert pyogrio.read_info(path, layer="DLTB")["features"] > 90_000
    for table, published in (("STBHHX", 55.07), ("YJJBNTBHTB", 202.80), ("CZKFBJ", 74.91)):
        frame = pyogrio.read_dataframe(path, layer=table)
        assert official_km2(frame.union_all()) == pytest.approx(published, abs=0.01)
