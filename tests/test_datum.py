"""Old datums: seven parameters by hand, and nothing that shows them. All parameters here are invented."""

from __future__ import annotations

import logging
import math
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from pydantic import ValidationError

from controllines import io
from controllines.crs import SourceCRS, from_lonlat, gauss_kruger, recognise, to_lonlat
from controllines.datum import SevenParameters, of_survey_file, on_cgcs2000, to_cgcs2000
from controllines.errors import CRSError, PlanError
from controllines.kinds import kind_of
from controllines.layers import Layer, Reading, part, read_layer, source_of
from controllines.pipeline import Job, run
from controllines.plans import checksum, open_plan

VALUES = {
    "dx": -17.3317,
    "dy": 93.7423,
    "dz": 41.5869,
    "rx": 1.27341,
    "ry": -0.88163,
    "rz": 2.19473,
    "scale_ppm": -3.61597,
}
FRAME, VECTOR = "coordinate_frame", "position_vector"
#: Semi-major axis and inverse flattening; Beijing 54 is Krassowsky's.
XIAN, KRASSOWSKY, CGCS = (6378140.0, 298.257), (6378245.0, 298.3), (6378137.0, 298.257222101)
PLACE = np.array([[88.6, 42.8], [88.7, 42.9], [87.9, 43.3]])


def parameters(convention: str = FRAME, **other: float) -> SevenParameters:
    return SevenParameters.model_validate(VALUES | other | {"convention": convention})


def by_hand(lonlat: np.ndarray, ellipsoid: tuple[float, float], sign: int) -> np.ndarray:
    """Bursa–Wolf with matrices; ``sign`` is 1 for the 布尔莎 model of Chinese sheets (coordinate frame), else -1."""
    lon, lat = np.radians(lonlat).T
    a, e2 = ellipsoid[0], (2 - 1 / ellipsoid[1]) / ellipsoid[1]
    n = a / np.sqrt(1 - e2 * np.sin(lat) ** 2)
    old = np.array([n * np.cos(lat) * np.cos(lon), n * np.cos(lat) * np.sin(lon), n * (1 - e2) * np.sin(lat)])
    ex, ey, ez = (sign * math.radians(VALUES[k] / 3600) for k in ("rx", "ry", "rz"))
    turn = np.array([[1, ez, -ey], [-ez, 1, ex], [ey, -ex, 1]])
    move = np.array([[VALUES["dx"]], [VALUES["dy"]], [VALUES["dz"]]])
    x, y, z = move + (1 + VALUES["scale_ppm"] * 1e-6) * (turn @ old)
    a, e2 = CGCS[0], (2 - 1 / CGCS[1]) / CGCS[1]
    p, lat = np.hypot(x, y), np.arctan2(z, np.hypot(x, y))
    for _ in range(12):
        n = a / np.sqrt(1 - e2 * np.sin(lat) ** 2)
        lat = np.arctan2(z + e2 * n * np.sin(lat), p)
    return np.degrees(np.column_stack([np.arctan2(y, x), lat]))


@pytest.mark.parametrize(("epsg", "ellipsoid"), [(4610, XIAN), (4214, KRASSOWSKY), (4555, KRASSOWSKY)])
@pytest.mark.parametrize(("convention", "sign"), [(FRAME, 1), (VECTOR, -1)])
def test_degrees_as_by_hand(epsg: int, ellipsoid: tuple[float, float], convention: str, sign: int) -> None:
    source = recognise(epsg, datum="parameters")
    moved, target = to_cgcs2000(shapely.points(PLACE), source, parameters(convention))
    assert (target.datum, target.name) == ("cgcs2000", "EPSG:4490")
    expected = by_hand(PLACE, ellipsoid, sign)
    assert np.abs(shapely.get_coordinates(moved) - expected).max() < 1e-11
    metres = np.abs(expected - PLACE).max() * 111_000
    assert 20 < metres < 500  # it moves by what matters, and not by an absurd amount


def test_gauss_kruger_goes_to_the_same_zone_of_cgcs2000() -> None:
    source = recognise("EPSG:2354", datum="parameters")  # Xi'an 80, zone 30 with prefix
    xy = from_lonlat(source, PLACE[:2])
    assert xy[0, 0] > 30_000_000
    moved, target = to_cgcs2000(shapely.points(xy), source, parameters())
    assert target.name == "EPSG:4518"
    expected = from_lonlat(recognise(4518), by_hand(PLACE[:2], XIAN, 1))
    assert np.abs(shapely.get_coordinates(moved) - expected).max() < 1e-5


def test_a_straight_edge_stays_straight() -> None:
    source = recognise("EPSG:2375", datum="parameters")
    a, b = from_lonlat(source, PLACE[:1])[0], from_lonlat(source, PLACE[:1])[0] + [1000.0, 700.0]
    moved, _ = to_cgcs2000(shapely.points([a, (a + b) / 2, b]), source, parameters())
    start, middle, end = shapely.get_coordinates(moved)
    assert np.hypot(*(middle - (start + end) / 2)) < 1e-5


@pytest.mark.parametrize(
    ("epsg", "expected"),
    [(2350, 4514), (2371, 4535), (2402, 4514), (2423, 4535), (2328, 4492), (21414, 4492), (21454, 4503), (4652, 4513)],
)
def test_the_same_projection_on_cgcs2000(epsg: int, expected: int) -> None:
    assert on_cgcs2000(recognise(epsg, datum="parameters")).name == f"EPSG:{expected}"


def test_zone_24_of_xian_80() -> None:
    source = recognise(gauss_kruger(24, prefix=True, datum="xian80"), datum="parameters")
    target = on_cgcs2000(source)
    lonlat = np.array([[73.2, 39.4]])
    assert from_lonlat(target, lonlat) == pytest.approx(from_lonlat(recognise(gauss_kruger(24, prefix=True)), lonlat))


@pytest.mark.parametrize("datum", ["xian80", "beijing54"])
@pytest.mark.parametrize(("zone", "degrees"), [(25, 3), (30, 3), (45, 3), (13, 6), (15, 6), (23, 6), (24, 3)])
@pytest.mark.parametrize("prefix", [True, False])
def test_zones_of_old_datums(datum: str, zone: int, degrees: int, prefix: bool) -> None:
    source = recognise(gauss_kruger(zone, degrees=degrees, prefix=prefix, datum=datum), datum="parameters")
    middle = np.array([[500_000.0 + zone * 1_000_000 * prefix, 4_700_000.0]])
    assert to_lonlat(source, middle)[0, 0] == pytest.approx(zone * 3 if degrees == 3 else zone * 6 - 3, abs=1e-12)
    assert source.crs.ellipsoid is not None
    assert source.crs.ellipsoid.semi_major_metre == (XIAN if datum == "xian80" else KRASSOWSKY)[0]


def test_missing_geometries_stay_missing() -> None:
    source = recognise(4610, datum="parameters")
    moved, _ = to_cgcs2000(np.array([None, shapely.Point(88.6, 42.8)]), source, parameters())
    assert moved[0] is None
    assert moved[1].x != 88.6
    assert to_cgcs2000(np.array([None], dtype=object), source, parameters())[0].tolist() == [None]


@pytest.mark.parametrize("wrong", [{"dx": -1733.17}, {"rz": 21.9473}, {"scale_ppm": 1_000_001.0}])
def test_parameters_in_wrong_units_are_refused_without_being_told(wrong: dict[str, float]) -> None:
    with pytest.raises(CRSError) as raised:
        to_cgcs2000(shapely.points(PLACE), recognise(4610, datum="parameters"), parameters(**wrong), file="甲.shp")
    found = raised.value.finding
    assert (found.code, found.source) == ("PARAMETERS_IMPLAUSIBLE", "甲.shp")
    assert not tells(str(raised.value), VALUES | wrong)


# --- layers ----------------------------------------------------------------------------------------------------------

SQUARE = np.array([[0, 0], [400, 0], [400, 300], [0, 300]], float)


def xian_frame(epsg: int = 2354) -> gpd.GeoDataFrame:
    corner = from_lonlat(SourceCRS(pyproj.CRS(epsg), "as_is"), PLACE[:1])[0]
    return gpd.GeoDataFrame({"BSM": ["f1"]}, geometry=[shapely.Polygon(SQUARE + corner)], crs=epsg)


def layer_of(frame: gpd.GeoDataFrame, reading: Reading) -> Layer:
    return read_layer(frame, "ecological_redline", reading=reading)


def test_a_layer_with_declared_parameters() -> None:
    layer = layer_of(xian_frame(), Reading(to_cgcs2000=parameters()))
    assert layer.frame.crs == pyproj.CRS(4518)
    assert layer.frame["source_crs"].tolist() == ["EPSG:2354"]
    corner = shapely.get_coordinates(layer.frame.geometry.to_numpy())
    expected = from_lonlat(recognise(4518), by_hand(PLACE[:1], XIAN, 1))[0]
    assert np.hypot(*(corner - expected).T).min() < 1e-5
    origin = layer.origins[0]
    assert (origin.crs, origin.datum) == ("EPSG:2354", "parameters")
    assert "七参数已声明、已使用" in origin.crs_found
    assert [item.code for item in layer.findings] == ["PARAMETERS_USED"]


def test_a_feature_set_aside_keeps_its_place_in_cgcs2000() -> None:
    frame = xian_frame()
    corner = shapely.get_coordinates(frame.geometry.to_numpy())[0]
    frame.geometry = [shapely.Polygon([corner, corner + 50, corner + 100])]
    layer = layer_of(frame, Reading(to_cgcs2000=parameters()))
    assert not layer.used.any()
    expected = from_lonlat(
        recognise(4518), by_hand(to_lonlat(recognise(2354, datum="parameters"), corner[None]), XIAN, 1)
    )
    assert layer.boxes[0] is not None
    assert layer.boxes[0].distance(shapely.Point(expected[0])) < 0.1


@pytest.mark.parametrize("crs", [4518, 4490, 4326])
def test_parameters_for_a_layer_that_needs_none(crs: int) -> None:
    with pytest.raises(CRSError) as raised:
        layer_of(xian_frame().set_crs(4518, allow_override=True).to_crs(crs), Reading(to_cgcs2000=parameters()))
    assert raised.value.finding.code == "PARAMETERS_CONTRADICT"


def test_parameters_and_as_is_contradict() -> None:
    with pytest.raises(CRSError) as raised:
        layer_of(xian_frame(), Reading(to_cgcs2000=parameters(), datum="as_is"))
    assert raised.value.finding.code == "PARAMETERS_CONTRADICT"


def test_without_parameters_it_is_refused() -> None:
    with pytest.raises(CRSError) as raised:
        layer_of(xian_frame(), Reading())
    assert raised.value.finding.code == "CRS_NEEDS_PARAMETERS"


def test_the_declared_crs_of_a_file_without_one_may_be_old() -> None:
    bare = xian_frame().set_crs(None, allow_override=True)
    layer = layer_of(bare, Reading(crs="EPSG:2354", to_cgcs2000=parameters()))
    assert layer.frame.crs == pyproj.CRS(4518)
    spelt = pyproj.CRS(2354).to_wkt("WKT1_ESRI")
    assert layer_of(xian_frame(), Reading(crs=spelt, to_cgcs2000=parameters())).frame.crs == pyproj.CRS(4518)


def test_parameters_of_a_survey_file() -> None:
    source = replace(source_of(xian_frame()), parameters=tuple(VALUES.values()))
    layer = part(kind_of("ecological_redline"), source, Reading())
    same = layer_of(xian_frame(), Reading(to_cgcs2000=parameters(FRAME)))
    assert layer.shapes[0].equals_exact(same.shapes[0], 1e-9)
    assert [item.code for item in layer.findings] == ["PARAMETERS_USED", "PARAMETERS_SENSE"]
    assert not tells(repr(source))


def test_zeros_are_no_parameters() -> None:
    source = replace(source_of(xian_frame()), parameters=(0.0,) * 7)
    with pytest.raises(CRSError) as raised:
        part(kind_of("ecological_redline"), source, Reading())
    assert raised.value.finding.code == "CRS_NEEDS_PARAMETERS"


def test_parameters_left_over_in_a_converted_file_are_not_used() -> None:
    frame = xian_frame().set_crs(4518, allow_override=True)
    layer = part(kind_of("ecological_redline"), replace(source_of(frame), parameters=tuple(VALUES.values())), Reading())
    assert layer.shapes[0].equals_exact(frame.geometry.iloc[0], 0)
    assert [item.code for item in layer.findings] == ["PARAMETERS_UNUSED"]


# --- secrecy ---------------------------------------------------------------------------------------------------------


def tells(text: str, values: dict[str, float] = VALUES) -> list[str]:
    """Digits of parameters in a text, with or without the point."""
    digits = [re.sub(r"[^0-9]", "", f"{value:g}").lstrip("0") for value in values.values()]
    return [d for d in digits if len(d) >= 5 and d in text.replace(".", "")]


def test_the_search_for_digits_finds_them() -> None:
    assert tells("… x=-17.3317 …") == ["173317"]
    assert len(tells(str(VALUES))) == 7


def test_no_repr_or_dump_shows_a_value() -> None:
    given = parameters()
    reading = Reading(to_cgcs2000=given)
    for shown in (repr(given), str(given), f"{given}", str(given.model_dump()), given.model_dump_json(), repr(reading),
                  repr([given]), repr(of_survey_file(tuple(VALUES.values())))):  # fmt: skip
        assert not tells(shown)
    assert given.model_dump() == parameters().model_dump()
    assert given.model_dump() != parameters(dx=-17.3318).model_dump()
    assert given.model_dump() != parameters(VECTOR).model_dump()


def test_a_wrong_declaration_is_named_without_its_values() -> None:
    with pytest.raises(ValidationError) as raised:
        SevenParameters.model_validate(
            VALUES | {"convention": "bursa", "dx": "一七.3317", "rw": 2.19473, "dz": math.inf}
        )
    assert raised.value.error_count() == 4
    assert not tells(str(raised.value))


PLAN = """
[plan]
name = "规划"
[layers.county]
path = "plan.gpkg"
layer = "county"
version = "1"
[layers.ecological_redline]
path = "plan.gpkg"
layer = "red"
version = "1"
[layers.ecological_redline.to_cgcs2000]
"""


def plan_file(folder: Path, *lines: str) -> Path:
    xian_frame().to_file(folder / "plan.gpkg", layer="red", engine="pyogrio")
    west, south = PLACE[0] - 0.05
    square = gpd.GeoDataFrame(
        {"XZQDM": ["650422"]}, geometry=[shapely.box(west, south, west + 0.1, south + 0.1)], crs=4490
    )
    square.to_file(folder / "plan.gpkg", layer="county", engine="pyogrio")
    path = folder / "plan.toml"
    text = PLAN + "\n".join(
        lines or [*(f"{key} = {value}" for key, value in VALUES.items()), f'convention = "{FRAME}"']
    )
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("missing", ["convention", "dx", "scale_ppm"])
def test_every_key_must_be_declared(tmp_path: Path, missing: str) -> None:
    lines = [f"{key} = {value}" for key, value in (VALUES | {"convention": f'"{FRAME}"'}).items() if key != missing]
    with pytest.raises(PlanError) as raised:
        open_plan(plan_file(tmp_path, *lines))
    assert raised.value.finding.code == "PLAN_TOML"
    assert f"to_cgcs2000.{missing}" in raised.value.finding.message
    assert not tells(str(raised.value))


def everything_in(folder: Path) -> str:
    texts = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            texts.append(path.read_bytes().decode("latin-1"))
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    texts += [archive.read(name).decode("utf-8", "replace") for name in archive.namelist()]
    return "\n".join(texts)


def test_a_run_writes_no_value_anywhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    plan = plan_file(tmp_path)
    parcel = tmp_path / "地块.geojson"
    lonlat = by_hand(to_lonlat(recognise(2354, datum="parameters"),
                               shapely.get_coordinates(xian_frame().geometry.to_numpy())), XIAN, 1)  # fmt: skip
    gpd.GeoDataFrame({"DKBH": ["d1"]}, geometry=[shapely.Polygon(lonlat)], crs=4490).to_file(parcel, engine="pyogrio")
    told: list[str] = []
    outcome = run(Job(parcels=(str(parcel),), plan=str(plan), out=str(tmp_path / "out"), as_of="2026-11-21"),
                  tell=told.append)  # fmt: skip
    result = outcome.result
    row = result.overlaps.set_index("kind").loc["ecological_redline"]
    assert row["outcome"] == "conflict"
    assert row["share"] == pytest.approx(1, abs=1e-5)  # the layer lies where the hand-made conversion puts it
    shown = [repr(result), repr(result.plan), repr(result.plan.specs), str(result.provenance), repr(result.findings),
             result.findings.to_csv(), repr(outcome), *told, caplog.text]  # fmt: skip
    assert not tells("\n".join(shown) + everything_in(tmp_path / "out"))
    assert "已声明、已使用" in everything_in(tmp_path / "out")


def test_the_run_follows_the_parameters(tmp_path: Path) -> None:
    path = plan_file(tmp_path)
    first, again = checksum(open_plan(path)), checksum(open_plan(path))
    path.write_text(path.read_text(encoding="utf-8").replace("dx = -17.3317", "dx = -18.0"), encoding="utf-8")
    assert first == again
    assert first != checksum(open_plan(path))


def test_a_survey_file_with_parameters(tmp_path: Path) -> None:
    """The whole way from 转换参数 of a TXT."""
    corners = shapely.get_coordinates(xian_frame().geometry.to_numpy())
    lines = [f"J{n},1,{y:.3f},{x:.3f}" for n, (x, y) in enumerate(corners, start=1)]
    head = ["[属性描述]", "坐标系=1980西安坐标系", "几度分带=3", "投影类型=高斯克吕格", "计量单位=米", "带号=30",
            "精度=0.001", "转换参数=" + ",".join(map(str, VALUES.values())), "[地块坐标]",
            "5,12,1,甲,面,,,,@"]  # fmt: skip
    path = tmp_path / "甲.txt"
    path.write_text("\n".join([*head, *lines]), encoding="utf-8")
    (source,) = io.read(path)
    assert not tells(repr(source))
    layer = part(kind_of("ecological_redline"), source, Reading())
    expected = layer_of(xian_frame(), Reading(to_cgcs2000=parameters()))
    assert layer.shapes[0].hausdorff_distance(expected.shapes[0]) < 0.002
    assert {"PARAMETERS_USED", "PARAMETERS_SENSE"} <= {item.code for item in layer.findings}
    assert not tells("".join(map(str, layer.findings)) + repr(layer))
