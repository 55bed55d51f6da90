"""Heights (Z) and measures (M) change no area, whatever the format."""

import ctypes
import json
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import pyproj
import pytest
import shapely

from controllines import official_area
from controllines.parcels import read_parcels
from tests.builders import EPSG, official, shifted, write_shapefile

#: With a hole, so that a lost ring shows.
HERE = shifted(shapely.box(0, 0, 100, 100) - shapely.box(60, 40, 80, 60))


def raised(coordinates):
    """The polygon with heights and measures."""
    bare = coordinates.removeprefix("XY")
    more = {"": "", "Z": " 1200", "M": " 7", "ZM": " 1200 7"}[bare]
    rings = [", ".join(f"{x} {y}{more}" for x, y in ring.coords) for ring in (HERE.exterior, *HERE.interiors)]
    return shapely.from_wkt(f"POLYGON {bare} (({rings[0]}), ({rings[1]}))")


def shapefile(folder, coordinates):
    coordinates = {"XYZ": "XYZM"}.get(coordinates, coordinates)  # PolygonZ has room for measures
    clockwise = shapely.orient_polygons(HERE, exterior_cw=True)
    rings = [list(ring.coords) for ring in (clockwise.exterior, *clockwise.interiors)]
    return write_shapefile(folder / "dk.shp", [rings], coordinates=coordinates)


def gpkg(folder, coordinates):
    wkb = shapely.to_wkb(raised(coordinates), flavor="iso", output_dimension=4)
    table = pa.table({"DKBH": ["a"], "geom": pa.array([wkb], pa.binary())})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the writer names measured types by those without measures
        pyogrio.write_arrow(table, folder / "dk.gpkg", driver="GPKG", geometry_name="geom", geometry_type="Unknown",
                            crs="EPSG:4518")  # fmt: skip
    return folder / "dk.gpkg"


def geojson(folder, coordinates):
    to_degrees = pyproj.Transformer.from_crs(EPSG, 4490, always_xy=True)
    tail = {"XY": [], "XYZ": [1200.0], "XYM": [1200.0, 7.0], "XYZM": [1200.0, 7.0]}[coordinates]
    lonlat = shapely.transform(HERE, lambda xy: np.column_stack(to_degrees.transform(*xy.T)))
    rings = [[[*xy, *tail] for xy in ring.coords] for ring in (lonlat.exterior, *lonlat.interiors)]
    feature = {"type": "Feature", "properties": {"DKBH": "a"}, "geometry": {"type": "Polygon", "coordinates": rings}}
    (folder / "dk.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return folder / "dk.geojson"


def gdb(folder, coordinates):
    """Through GDAL's own copying, for no binding writes measures into a gdb."""
    library = sorted(Path(pyogrio.__file__).parent.parent.glob("pyogrio.libs/libgdal*"))
    if not library:
        pytest.skip("GDAL does not come as a library beside pyogrio")
    gdal, text = ctypes.CDLL(str(library[0])), ctypes.c_char_p
    for function in (gdal.GDALOpenEx, gdal.GDALVectorTranslate, gdal.GDALVectorTranslateOptionsNew):
        function.restype = ctypes.c_void_p
    gdal.GDALOpenEx.argtypes = [text, ctypes.c_uint, *[ctypes.c_void_p] * 3]
    gdal.GDALVectorTranslateOptionsNew.argtypes = [ctypes.POINTER(text), ctypes.c_void_p]
    gdal.GDALVectorTranslate.argtypes = [text, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p),
                                         ctypes.c_void_p, ctypes.c_void_p]  # fmt: skip
    gdal.GDALClose.argtypes = gdal.GDALVectorTranslateOptionsFree.argtypes = [ctypes.c_void_p]
    source = gdal.GDALOpenEx(str(gpkg(folder, coordinates)).encode(), 4, None, None, None)
    words = ["-f", "OpenFileGDB", "-nlt", "MULTIPOLYGON" + coordinates.removeprefix("XY"), "-nln", "DK"]
    argv = (text * (len(words) + 1))(*[word.encode() for word in words], None)
    options = gdal.GDALVectorTranslateOptionsNew(argv, None)
    target = gdal.GDALVectorTranslate(str(folder / "dk.gdb").encode(), None, 1, ctypes.c_void_p(source), options, None)
    assert target, "GDAL copies"
    for handle in (target, source):
        gdal.GDALClose(handle)
    gdal.GDALVectorTranslateOptionsFree(options)
    return folder / "dk.gdb"


@pytest.mark.parametrize("coordinates", ["XYZ", "XYM", "XYZM"])
@pytest.mark.parametrize("written", [shapefile, gpkg, geojson, gdb])
def test_heights_and_measures(tmp_path, written, coordinates):
    read = read_parcels(written(tmp_path, coordinates))
    assert {item.code: item.actual for item in read.findings}.get("COORDINATES_Z") == "1"
    assert not shapely.has_z(read.shapes).any()
    assert not shapely.has_m(read.shapes).any()
    # A GeoJSON is in degrees: what was straight in the plane of the survey is not, by less than the tolerance here.
    assert official_area(read.frame).tolist() == pytest.approx([official(HERE)], abs=0.02)
