"""Versions: of everything that can change a number, as the engines themselves tell them."""

import platform
from importlib.metadata import version

import pyogrio
import pyproj
import pytest
import shapely

import controllines
from controllines.versions import versions


def test_the_package_is_the_one_that_runs() -> None:
    assert versions()["controllines"] == controllines.__version__
    assert versions()["python"] == platform.python_version()


@pytest.mark.parametrize("library", ["shapely", "pyproj", "pyogrio", "numpy", "pandas"])
def test_libraries_are_those_installed(library: str) -> None:
    assert versions()[library] == version(library)


def test_engines_are_told_apart_from_their_libraries() -> None:
    found = versions()
    numbers = {"geos": shapely.geos_version, "gdal": pyogrio.__gdal_version__}
    assert {name: tuple(map(int, found[name].split("."))) for name in numbers} == numbers
    assert found["proj"] == pyproj.proj_version_str


def test_all_are_texts_that_can_be_recorded() -> None:
    assert all(isinstance(value, str) and value for value in versions().values())
