"""Reading rasters: every reason to refuse, blocks that make up the whole, values as the file means them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

import controllines as cl
from controllines.raster import source
from controllines.raster.classes import Classes, classes_of
from controllines.raster.grid import Window
from controllines.raster.source import open_raster
from tests.raster.rasters import write_raster

AT = {"left": 89.98, "top": 42.72, "cell": 0.005}
ONES = np.ones((4, 4), np.uint8)


def refused(path: Path, code: str, **how: object) -> str:
    with pytest.raises((cl.InputError, cl.CRSError), match=code) as caught, open_raster(path, **how):  # type: ignore[arg-type]
        pass
    assert caught.value.finding.code == code
    assert caught.value.finding.source == str(path)
    return f"{caught.value.finding.message} {caught.value.finding.fix}"


def test_what_the_file_says_of_itself(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", ONES, **AT, nodata=255)
    with open_raster(path) as raster:
        assert (raster.path, raster.band, raster.dtype, raster.nodata) == (path, 1, np.dtype("uint8"), 255)
        grid = raster.affine
        assert (grid.left, grid.top, grid.width, grid.height) == (89.98, 42.72, 0.005, -0.005)
        assert (grid.columns, grid.rows) == (4, 4)
        assert raster.crs.datum == "cgcs2000"
        assert raster.findings == ()


def test_coordinate_systems(tmp_path: Path) -> None:
    bare = write_raster(tmp_path / "bare.tif", ONES, **AT, crs=None)
    refused(bare, "CRS_MISSING")
    with open_raster(bare, crs="EPSG:4490") as raster:
        assert raster.crs.datum == "cgcs2000"
    good = write_raster(tmp_path / "good.tif", ONES, **AT)
    assert "EPSG:4518" in refused(good, "CRS_CONTRADICTS", crs="EPSG:4518")
    with open_raster(good, crs="EPSG:4490"):
        pass
    refused(write_raster(tmp_path / "x80.tif", ONES, **AT, crs="EPSG:4610"), "CRS_NEEDS_PARAMETERS")
    foreign = write_raster(tmp_path / "nad.tif", ONES, **AT, crs="EPSG:4269")
    refused(foreign, "CRS_FOREIGN_DATUM")
    with open_raster(foreign, datum="as_is") as raster:
        assert [item.code for item in raster.findings] == ["CRS_AS_IS"]
    with open_raster(write_raster(tmp_path / "wgs.tif", ONES, **AT, crs="EPSG:4326")) as raster:
        assert [item.code for item in raster.findings] == ["CRS_WGS84"]
    metres = write_raster(tmp_path / "m.tif", ONES, 385000, 4738000, 100, crs="EPSG:4490")
    refused(metres, "CRS_METRES_AS_DEGREES")


def test_what_is_no_raster(tmp_path: Path) -> None:
    refused(tmp_path / "none.tif", "FILE_NOT_FOUND")
    refused(tmp_path, "FILE_NOT_FOUND")
    (tmp_path / "text.tif").write_text("no raster")
    assert "GTiff" in refused(tmp_path / "text.tif", "RASTER_UNREADABLE")
    good = write_raster(tmp_path / "good.tif", ONES, **AT)
    assert "1" in refused(good, "RASTER_BAND", band=2)
    refused(good, "RASTER_BAND", band=0)
    virtual = f'<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand band="1"><SimpleSource><SourceFilename>{good}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>'  # noqa: E501
    (tmp_path / "v.tif").write_text(virtual)
    refused(tmp_path / "v.tif", "RASTER_UNREADABLE")


def test_a_rotated_raster_has_no_rows(tmp_path: Path) -> None:
    turned = Affine(0.005, 0.001, 89.98, 0.001, -0.005, 42.72)
    with rasterio.open(tmp_path / "r.tif", "w", driver="GTiff", width=4, height=4, count=1, dtype="uint8",
                       crs="EPSG:4490", transform=turned) as file:  # fmt: skip
        file.write(ONES, 1)
    refused(tmp_path / "r.tif", "RASTER_ROTATED")


def test_half_a_raster_gives_nothing(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 200, (300, 300)).astype(np.uint8)
    path = write_raster(tmp_path / "cut.tif", noise, 89.97, 42.73, 0.0002)
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(cl.InputError, match=r"FILE_CORRUPT|RASTER_UNREADABLE") as caught, open_raster(path) as raster:
        raster.read(Window(0, 0, 300, 300))
    assert caught.value.finding.source == str(path)


@pytest.mark.parametrize("how", [{}, {"tiled": True, "blockxsize": 16, "blockysize": 32}, {"blockysize": 7}])
@pytest.mark.parametrize("cells", [1, 500, 10**6])
def test_blocks_make_up_the_whole_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, object], cells: int
) -> None:
    values = np.random.default_rng(5).integers(0, 9, (50, 60)).astype(np.uint16)
    monkeypatch.setattr(source, "BLOCK_CELLS", cells)
    found, times = np.zeros(values.shape, np.uint16), np.zeros(values.shape, int)
    with open_raster(write_raster(tmp_path / "a.tif", values, 89.97, 42.73, 0.001, **how)) as raster:
        for strip in raster.windows():
            assert len({(window.row, window.row_end) for window in strip}) == 1
            for window in strip:
                part = np.s_[window.row : window.row_end, window.column : window.column_end]
                found[part], _ = raster.read(window)
                times[part] += 1
    assert (times == 1).all()
    assert (found == values).all()


def test_values_are_what_the_file_means_by_them(tmp_path: Path) -> None:
    """Bytes by 0.1 and from 5 on: 30 is 8.0; the declared value for nothing, NaN and infinity are no data."""
    path = write_raster(tmp_path / "a.tif", np.array([[30, 255]], np.uint8), **AT, nodata=255)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.1,), (5,)
    with open_raster(path) as raster:
        values, valid = raster.read(Window(0, 0, 1, 2))
    assert values[0, 0] == pytest.approx(8.0)
    assert valid.tolist() == [[True, False]]
    floats = write_raster(tmp_path / "f.tif", np.array([[1.5, np.nan, np.inf, -9]], np.float32), **AT, nodata=-9)
    with open_raster(floats) as raster:
        values, valid = raster.read(Window(0, 0, 1, 4))
    assert values[0, 0] == 1.5
    assert valid.tolist() == [[True, False, False, False]]


def test_the_band_that_is_asked_for(tmp_path: Path) -> None:
    """Of two bands the second holds halves."""
    with rasterio.open(tmp_path / "two.tif", "w", driver="GTiff", width=4, height=4, count=2, dtype="uint8",
                       crs="EPSG:4490", transform=Affine(0.005, 0, 89.98, 0, -0.005, 42.72)) as file:  # fmt: skip
        file.write(ONES * 7, 1)
        file.write(ONES * 9, 2)
        file.scales = (1.0, 0.5)
    for band, value in ((1, 7), (2, 4.5)):
        with open_raster(tmp_path / "two.tif", band=band) as raster:
            assert (raster.read(Window(0, 0, 4, 4))[0] == value).all()
            if band == 1:
                assert classes_of(raster, None, None) == Classes()
                continue
            with pytest.raises(cl.InputError, match="RASTER_CONTINUOUS"):
                classes_of(raster, None, None)
