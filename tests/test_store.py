"""The store of a prepared plan: nothing believed that was not written, nothing read that was not asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from controllines import packed, store, tiles
from controllines.errors import PlanError
from controllines.generations import read_manifest
from controllines.plans import checksum, open_plan
from controllines.preparation import describe, prepare
from controllines.store import PreparedLayer
from tests.builders import FARM, RED
from tests.prepared import answer

REPOSITORY = Path(__file__).resolve().parents[1]


def test_a_check_reads_no_layer_whole(made, monkeypatch):
    for name in ("geoms", "shapes", "frame", "crs"):
        monkeypatch.setattr(PreparedLayer, name, property(lambda self, name=name: pytest.fail(f"{name} was asked for")))
    assert len(answer(made[1]).overlaps) == 4 * 27


@pytest.mark.parametrize("name", ["xy", "rings", "tiles", "bounds", "owner", "area", "rectangle", "blocks", "crc",
                                  "used", "resolution", "attributes"])  # fmt: skip
def test_a_changed_byte_is_an_error(copy, name):
    suffix = "parquet" if name == "attributes" else "npy"
    for path in copy.glob(f"gen-*/layer-*/{name}.{suffix}"):
        data = bytearray(path.read_bytes())
        # parquet: in the first page; npy: the last byte, in no header
        at = 40 if name == "attributes" else len(data) - 1
        data[at] ^= 0x41
        path.write_bytes(data)
    with pytest.raises(PlanError, match=r"重新预处理|PLAN_DAMAGED") as caught:
        list(describe(copy, verify=True))
    assert caught.value.finding.code == "PLAN_DAMAGED"
    with pytest.raises(PlanError):
        answer(copy)


@pytest.mark.parametrize("what", ["cut off", "gone", "other type"])
def test_an_array_that_is_not_whole_is_an_error(copy, what):
    path = next(copy.glob("gen-*/layer-0/xy.npy"))
    if what == "gone":
        path.unlink()
    elif what == "cut off":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        np.save(path, np.load(path).astype(np.float32))
    with pytest.raises(PlanError) as caught:
        answer(copy)
    assert caught.value.finding.code == "PLAN_DAMAGED"


def test_opening_maps_nothing(made):
    plan = open_plan(made[1])
    assert "in_plane" not in vars(plan.layers[FARM])
    assert "坏" not in plan.layers
    assert len(plan.failed) == 1


def test_blocks_and_given_back_memory_change_nothing(made, tmp_path, monkeypatch):
    """A row to a block while preparing; a group of attributes and a block of tiles at a time while checking."""
    plan, folder = made
    monkeypatch.setattr(packed, "ROWS", 1)
    again = prepare(plan, tmp_path / "again.plan")
    assert {path.relative_to(folder).parts[1:] for path in folder.rglob("*.npy")} == {
        path.relative_to(again).parts[1:] for path in again.rglob("*.npy")
    }
    for path in folder.glob("gen-*/*/*.npy"):
        [same] = again.glob(f"gen-*/{path.parent.name}/{path.name}")
        assert same.read_bytes() == path.read_bytes(), path.name
    whole = checksum(open_plan(again))
    monkeypatch.setattr(store, "LET_GO", 1)
    monkeypatch.setattr(tiles, "READ", 1)
    assert checksum(open_plan(again)) == whole
    assert [store.verify(store.open_layer(again, read_manifest(again), key)) for key in (RED, FARM)]


def test_rows_of_a_table_in_any_order(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "GROUP", 4)
    monkeypatch.setattr(store, "GROUPS", 2)
    store._write_table(tmp_path / "t.parquet", pd.DataFrame({"n": np.arange(30), "name": list(map(str, range(30)))}))
    rows = np.array([29, 0, 13, 13, 5, 22])
    read = store.read_table(tmp_path / "t.parquet", ("name", "n"), rows)
    assert read["n"].tolist() == rows.tolist()
    assert read["name"].tolist() == list(map(str, rows))
    assert list(read.columns) == ["name", "n"]
    assert store.read_table(tmp_path / "t.parquet", ("n",), rows[:0]).dtypes.tolist() == [np.dtype("int64")]
