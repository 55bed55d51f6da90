"""The folder of a prepared plan: one writer, one generation, whole at every moment, stale where its sources changed."""

from __future__ import annotations

import gc
import json
import os
import shutil

import pytest

from controllines import generations, store
from controllines.errors import OutputError, PlanError
from controllines.plans import checksum, open_plan
from controllines.preparation import prepare
from tests.builders import RED
from tests.prepared import code_of


def test_what_is_no_prepared_plan(copy, tmp_path, monkeypatch):
    (tmp_path / "empty.plan").mkdir()
    assert code_of(tmp_path / "empty.plan") == "PLAN_NOT_PREPARED"
    manifest = copy / generations.MANIFEST
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text[:-30], encoding="utf-8")
    assert code_of(copy) == "PLAN_DAMAGED"
    manifest.write_text(text.replace(generations.FORMAT, "controllines.plan/0"), encoding="utf-8")
    assert code_of(copy) == "PLAN_OTHER_FORMAT"
    manifest.write_text(text, encoding="utf-8")
    shutil.rmtree(next(copy.glob("gen-*")))
    assert code_of(copy) == "PLAN_DAMAGED"


def test_the_second_of_two_writers_is_refused(copy, made):
    with generations.writing(copy), pytest.raises(PlanError) as caught:
        prepare(made[0], copy)
    assert caught.value.finding.code == "PLAN_BEING_PREPARED"
    assert open_plan(copy).name == "某县"
    prepare(made[0], copy)
    assert len(list(copy.glob("gen-*"))) == 1


@pytest.mark.parametrize("call", ["rename", "replace", "fsync"])
def test_the_same_plan_again_is_whole_at_every_moment(copy, made, monkeypatch, call):
    """Its generation has the name of the one that is there, which must stay until the manifest names another."""
    said = checksum(open_plan(copy))
    real = getattr(os, call)

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OutputError, match="No space"):
        prepare(made[0], copy)
    assert store.verify(open_plan(copy).layers[RED])
    monkeypatch.setattr(os, call, real)
    gc.collect()  # Windows keeps what is mapped
    prepare(made[0], copy)
    assert len(list(copy.glob("gen-*"))) == 1
    assert checksum(open_plan(copy)) == said


def test_a_killed_writer_leaves_a_folder_that_the_next_one_clears_away(tmp_path):
    folder = tmp_path / "a.plan"
    (folder / "new-1").mkdir(parents=True)
    (folder / ".lock").write_bytes(b"")
    assert generations.is_free(folder)
    with generations.writing(folder) as new:
        assert [path.name for path in folder.iterdir() if path.is_dir()] == [new.name]
        (new / "half").write_text("x", encoding="utf-8")
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_a_folder_with_files_of_somebody_is_not_free(tmp_path):
    (tmp_path / "论文.docx").write_bytes(b"")
    assert not generations.is_free(tmp_path)
    assert not generations.is_free(tmp_path / "论文.docx")


def test_sources_are_stale_when_their_content_changes_and_not_when_they_are_touched(tmp_path):
    source, folder = tmp_path / "线.gpkg", tmp_path / "a.plan"
    source.write_bytes(b"one")
    manifest = {"sources": json.loads(json.dumps(generations.sources_of([source])))}
    os.utime(source, (1, 1))
    generations.check_sources(folder, manifest)
    source.write_bytes(b"two")
    with pytest.raises(PlanError, match="PLAN_STALE") as caught:
        generations.check_sources(folder, manifest)
    assert str(source) in str(caught.value)
    source.unlink()  # not reachable: the prepared plan stands for itself
    generations.check_sources(folder, manifest)
