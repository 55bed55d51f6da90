"""Classes of cells: whole numbers as they are, continuous values between breaks, upper ends included (坡度分级)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import controllines as cl
from controllines.raster.classes import Classes, classes_of
from controllines.raster.source import open_raster
from tests.raster.rasters import write_raster

SLOPE = Classes((2, 6, 15, 25))
ALL = np.ones(8, bool)


def test_an_upper_end_belongs_to_its_class() -> None:
    values = np.array([0, 2, 2.001, 6, 15, 25, 25.1, 90])
    numbers, codes = SLOPE.of(values, ALL)
    assert numbers.tolist() == [1, 1, 2, 2, 3, 4, 5, 5]
    assert codes == ["1", "2", "3", "4", "5"]
    assert [SLOPE.name(code) for code in codes] == ["≤2", "2—6", "6—15", "15—25", ">25"]


def test_whole_numbers_are_their_own_classes_in_the_order_in_which_they_come() -> None:
    valid = np.array([True, True, False, True])
    numbers, codes = Classes().of(np.array([30, 7, 99, 30]), valid)
    assert (numbers.tolist(), codes) == ([1, 2, 0, 1], ["30", "7"])
    assert Classes().name("30") == "30"


def test_cells_without_data_are_in_no_class() -> None:
    numbers, _ = SLOPE.of(np.array([[1.0, np.nan], [30.0, 3.0]]), np.array([[True, False], [False, True]]))
    assert numbers.tolist() == [[1, 0], [0, 2]]


def test_names_that_are_given_come_before_those_of_the_breaks() -> None:
    named = Classes((2, 6.5), {1: "平地"})
    assert [named.name(code) for code in ("1", "2", "3")] == ["平地", "2—6.5", ">6.5"]
    assert Classes(names={1: "耕地"}).name("1") == "耕地"
    assert Classes((0.0000001,)).name("2") == ">1e-07"


@pytest.mark.parametrize("wrong", [[], [6, 2], [2, 2]])
def test_breaks_must_rise(tmp_path: Path, wrong: list[float]) -> None:
    path = write_raster(tmp_path / "a.tif", np.ones((2, 2), np.float32), 89.98, 42.72, 0.005)
    with open_raster(path) as raster:
        with pytest.raises(cl.UsageError, match="OPTION_VALUE") as caught:
            classes_of(raster, wrong, None)
        assert caught.value.finding.actual == str(wrong)
        assert classes_of(raster, [2, 6], {1: "平"}) == Classes((2.0, 6.0), {1: "平"})


@pytest.mark.parametrize(("kind", "scaled"), [(np.float32, False), (np.uint8, True)])
def test_values_that_are_no_whole_numbers_need_breaks(tmp_path: Path, kind: type, scaled: bool) -> None:
    import rasterio

    path = write_raster(tmp_path / "slope.tif", np.ones((2, 2), kind), 89.98, 42.72, 0.005)
    if scaled:  # bytes that stand for tenths of a degree
        with rasterio.open(path, "r+") as file:
            file.scales = (0.1,)
    with open_raster(path) as raster, pytest.raises(cl.InputError, match="RASTER_CONTINUOUS") as caught:
        classes_of(raster, None, None)
    assert caught.value.finding.source == str(path)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32])
def test_whole_numbers_need_none(tmp_path: Path, kind: type) -> None:
    path = write_raster(tmp_path / "a.tif", np.ones((2, 2), kind), 89.98, 42.72, 0.005)
    with open_raster(path) as raster:
        assert classes_of(raster, None, {1: "耕地"}) == Classes(None, {1: "耕地"})
