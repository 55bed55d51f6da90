"""What a writer is given, and what each format can hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from controllines.io.writers import format_of, suffixes
from controllines.io.writers.sheet import DEFAULT_HEADER, Format, Names, table
from tests.io.writers.conftest import sheet, solar


@pytest.mark.parametrize(("name", "suffix"), [
    ("a.shp", ".shp"), ("a.shp.zip", ".shp.zip"), ("A.GDB.ZIP", ".gdb.zip"), ("a.b.txt", ".txt"),
    ("甲.GeoJSON", ".geojson"),
])  # fmt: skip
def test_the_longest_suffix_decides(name: str, suffix: str) -> None:
    form = format_of(Path("夹.gdb") / name)
    assert form is not None
    assert form.suffix == suffix


@pytest.mark.parametrize("name", ["a.zip", "a.docx", "a", ".shp", "a.dwg"])
def test_unknown_formats(name: str) -> None:
    assert format_of(Path(name)) is None


def test_every_format_says_where_its_crs_goes() -> None:
    forms = [format_of(Path(f"a{suffix}")) for suffix in suffixes()]
    assert all(isinstance(form, Format) and form.crs in ("own", "prj", "code", "lonlat", "zone") for form in forms)
    zipped, plain = format_of(Path("a.shp.zip")), format_of(Path("a.shp"))
    assert zipped is not None
    assert plain is not None
    assert (zipped.driver, zipped.names, zipped.crs) == (plain.driver, plain.names, plain.crs)
    assert "order" in format_of(Path("a.gdb")).names.reserved  # type: ignore[union-attr]


@pytest.mark.parametrize(("suffix", "layers", "mixed", "areas", "empty", "collections"), [
    (".txt", False, True, False, False, False), (".shp", False, False, False, True, False),
    (".gdb.zip", True, False, False, True, False), (".gpkg", True, True, False, True, True),
    (".geojson", False, True, False, True, True), (".kml", False, True, False, False, True),
    (".csv", False, False, True, False, False),
])  # fmt: skip
def test_what_a_format_holds(
    suffix: str, layers: bool, mixed: bool, areas: bool, empty: bool, collections: bool
) -> None:
    form = format_of(Path(f"a{suffix}"))
    assert form is not None
    assert (form.layers, form.mixed, form.areas) == (layers, mixed, areas)
    assert (form.empty, form.collections) == (empty, collections)


def test_what_is_not_said_of_a_header_and_of_names() -> None:
    assert (DEFAULT_HEADER.decimals, DEFAULT_HEADER.unit, DEFAULT_HEADER.date) == (3, "", "")
    assert (Names().longest, Names().identifier, Names().cases, Names().reserved) == (0, False, False, ())


def test_columns_of_a_table() -> None:
    """Text, whole numbers, numbers and truth values keep their type, null where missing; all else is text."""
    frame = pd.DataFrame({
        "n": pd.array([1, None], "Int64"), "f": [0.5, np.nan], "b": [True, False], "t": ["甲", None],
        "d": [pd.Timestamp("2026-11-20"), pd.NaT], "mixed": [1, "a"], "big": [2**70, 1], 7: [None, None],
    })  # fmt: skip
    made = table(frame)
    assert made.column_names == ["n", "f", "b", "t", "d", "mixed", "big", "7"]
    kinds = [pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.string(), pa.string(), pa.string(), pa.string()]
    assert made.schema.types == kinds
    assert made.to_pylist()[0] == {"n": 1, "f": 0.5, "b": True, "t": "甲", "d": "2026-11-20 00:00:00", "mixed": "1",
                                   "big": str(2**70), "7": None}  # fmt: skip
    assert made.to_pylist()[1] == {"n": None, "f": None, "b": False, "t": None, "d": None, "mixed": "a", "big": "1",
                                   "7": None}  # fmt: skip
    assert table(pd.DataFrame(index=range(3))).num_columns == 0


def test_some_rows_of_a_sheet() -> None:
    whole = sheet(solar(), solar(30_386_000), solar(30_387_000), DKBH=["a", "b", "c"])
    for rows in (np.array([True, False, True]), np.array([0, 2])):
        part = whole.take(rows, name="部分")
        assert (len(part), part.name, part.crs, list(part.frame.index)) == (2, "部分", whole.crs, [0, 1])
        assert list(part.frame["DKBH"]) == ["a", "c"]
        assert list(part.geoms) == [whole.geoms[0], whole.geoms[2]]
    assert len(whole) == 3
