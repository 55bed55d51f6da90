"""The store of a prepared plan: nothing believed that was not written, nothing read that was not asked for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from controllines import packed, store
from controllines.errors import OutputError, PlanError
from controllines.plans import checksum, open_plan
from controllines.preparation import describe, prepare
from controllines.store import PreparedLayer
from tests.builders import FARM, RED
from tests.prepared import answer, code_of

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


def test_what_is_no_prepared_plan(copy, tmp_path, monkeypatch):
    (tmp_path / "empty.plan").mkdir()
    assert code_of(tmp_path / "empty.plan") == "PLAN_NOT_PREPARED"
    manifest = copy / store.MANIFEST
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text[:-30], encoding="utf-8")
    assert code_of(copy) == "PLAN_DAMAGED"
    manifest.write_text(text.replace(store.FORMAT, "controllines.plan/0"), encoding="utf-8")
    assert code_of(copy) == "PLAN_OTHER_FORMAT"
    manifest.write_text(text, encoding="utf-8")
    shutil.rmtree(next(copy.glob("gen-*")))
    assert code_of(copy) == "PLAN_DAMAGED"


def test_the_second_of_two_writers_is_refused(copy, made):
    with store.writing(copy), pytest.raises(PlanError) as caught:
        prepare(made[0], copy)
    assert caught.value.finding.code == "PLAN_BEING_PREPARED"
    assert open_plan(copy).name == "某县"
    prepare(made[0], copy)
    assert len(list(copy.glob("gen-*"))) == 1


@pytest.mark.parametrize("call", ["rename", "replace", "fsync"])
def test_the_same_plan_again_is_whole_at_every_moment(copy, made, monkeypatch, call):
    """Its generation has the name of the one that is there, which must stay until the manifest names another."""
    opened = open_plan(copy)
    real = getattr(os, call)

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OutputError, match="No space"):
        prepare(made[0], copy)
    assert store.verify(open_plan(copy).layers[RED])
    monkeypatch.setattr(os, call, real)
    prepare(made[0], copy)
    assert len(list(copy.glob("gen-*"))) == 1
    assert checksum(open_plan(copy)) == checksum(opened)


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
    monkeypatch.setattr(store, "LET_GO", 1)
    assert [store.verify(store.open_layer(again, store.read_manifest(again), key)) for key in (RED, FARM)]


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
