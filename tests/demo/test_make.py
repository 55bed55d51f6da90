"""One seed, one county; a folder that is another's is left alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import shapely
from pandas.testing import assert_frame_equal

from controllines.demo import DemoFiles, make_demo
from controllines.errors import OutputError, UsageError
from tests.demo.conftest import read_layers

COMMITTED = Path(__file__).resolve().parents[2] / "data" / "demo"


def test_same_seed_same_county(demo: DemoFiles, layers: dict[str, gpd.GeoDataFrame], tmp_path: Path) -> None:
    again = make_demo(tmp_path / "again")
    assert_same_content(again.plan.parents[1], demo.plan.parents[1], layers, exact=True)


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


def test_an_earlier_demo_is_replaced_and_other_files_are_left_alone(demo: DemoFiles, tmp_path: Path) -> None:
    earlier = shutil.copytree(demo.plan.parents[1], tmp_path / "县")
    (earlier / "核对结果").mkdir()
    stray = earlier / "申请" / "旧文件.txt"
    stray.write_text("x", encoding="utf-8")
    made = make_demo(earlier)
    assert made == DemoFiles(earlier / "规划" / "plan.toml", earlier / "申请")
    assert (earlier / "核对结果").is_dir()
    assert not stray.exists()
    assert not list(earlier.glob(".demo-*"))


def test_foreign_folders_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "申请").mkdir()
    with pytest.raises(OutputError) as error:
        make_demo(tmp_path)
    assert error.value.finding.code == "DEMO_FOLDER_IN_USE"
    assert [path.name for path in tmp_path.iterdir()] == ["申请"]


def test_unknown_size_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="small, county"):
        make_demo(tmp_path, size="huge")
