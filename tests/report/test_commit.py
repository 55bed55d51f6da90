"""A folder of outputs appears whole or not at all, whatever stood there and whatever fails."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from controllines.errors import OutputError
from controllines.report.commit import Mark, check_free, commit, listed

MARK = Mark("mark.json", "test/1")


def writer(*names: str, run_id: str = "one") -> Callable[[Path], list[str]]:
    """Write files that hold their run, in folders too, and the mark that lists them."""

    def write(folder: Path) -> list[str]:
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(f"{run_id} {name}", encoding="utf-8")
        files = [{"path": name, "sha256": digest} for name, digest in listed(folder, names)]
        said = {"schema": MARK.schema, "provenance": {"run_id": run_id}, "files": files}
        (folder / MARK.name).write_text(json.dumps(said), encoding="utf-8")
        return [*names, MARK.name]

    return write


def put(out: Path, *names: str, run_id: str = "one", overwrite: bool = False) -> list[Path]:
    return commit(out, MARK, run_id, overwrite=overwrite, write=writer(*names, run_id=run_id))


def everything(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_appear_with_the_mark_last(tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    assert put(out, "x.csv", "表/y.docx") == [out / "x.csv", out / "表/y.docx", out / "mark.json"]
    assert set(everything(out)) == {"x.csv", "表/y.docx", "mark.json"}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["out"]  # nothing is left beside it


def test_the_same_run_replaces_its_files_and_leaves_those_of_others(tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(out, "x.csv", "y.csv")
    (out / "意见.txt").write_text("我的", encoding="utf-8")
    put(out, "x.csv", "z.csv")
    assert set(everything(out)) == {"x.csv", "z.csv", "mark.json", "意见.txt"}


def test_another_run_needs_overwrite(tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(out, "x.csv")
    before = everything(out)
    with pytest.raises(OutputError, match="--overwrite"):
        put(out, "x.csv", run_id="two")
    assert everything(out) == before
    put(out, "x.csv", run_id="two", overwrite=True)
    assert everything(out)["x.csv"] == b"two x.csv"


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"schema": "other/1"}'])
def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, text: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / MARK.name).write_text(text, encoding="utf-8")
    for refused in (lambda: check_free(out, MARK, overwrite=False), lambda: put(out, "x.csv")):
        with pytest.raises(OutputError, match="OUTPUT_NOT_EMPTY"):
            refused()
    assert everything(out) == {MARK.name: text.encode()}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_in_place_of_the_folder_stays_even_with_overwrite(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x", encoding="utf-8")
    with pytest.raises(OutputError):
        put(tmp_path / "out", "x.csv", overwrite=True)
    assert (tmp_path / "out").read_text(encoding="utf-8") == "x"


def test_before_the_work_any_result_of_ours_will_do(tmp_path: Path) -> None:
    """The id of the run is known only after it."""
    out = tmp_path / "out"
    check_free(out, MARK, overwrite=False)  # absent
    out.mkdir()
    check_free(out, MARK, overwrite=False)  # empty
    put(out, "x.csv")
    check_free(out, MARK, overwrite=False)


@pytest.mark.parametrize("place", ["../precious.txt", "{root}/precious.txt", "..\\precious.txt", "C:precious.txt"])
def test_a_forged_file_list_reaches_nothing_outside(tmp_path: Path, place: str) -> None:
    out = tmp_path / "out"
    put(out, "x.csv")
    precious = tmp_path / "precious.txt"
    precious.write_text("x", encoding="utf-8")
    said = json.loads((out / MARK.name).read_bytes())
    said["files"].append({"path": place.format(root=tmp_path.as_posix()), "sha256": "0" * 64})
    (out / MARK.name).write_text(json.dumps(said), encoding="utf-8")
    put(out, "x.csv", overwrite=True)
    assert precious.read_text(encoding="utf-8") == "x"


def fail_at(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    """Let the ``number``-th call of a function of ``os`` fail with a full disk, once."""
    real, calls = getattr(os, name), []

    def failing(*args: object, **kwargs: object) -> object:
        calls.append(args)
        if len(calls) == number:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*args, **kwargs)

    monkeypatch.setattr(os, name, failing)


#: Three old files moved onto themselves, three out, three in; three files and (not on Windows) two folders to the disk.
FAILURES = [("replace", number) for number in range(1, 10)] + [
    ("fsync", number) for number in range(1, 6 if os.name == "posix" else 4)
]


@pytest.mark.parametrize(("name", "number"), FAILURES)
def test_a_failure_leaves_the_old_result_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    out = tmp_path / "out"
    put(out, "x.csv", "y.csv")
    before = everything(out)
    fail_at(monkeypatch, name, number)
    with pytest.raises(OutputError, match="No space left"):
        put(out, "x.csv", "y.csv", run_id="two", overwrite=True)
    assert everything(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(("name", "number"), [("replace", 1), ("replace", 2), ("fsync", 2), ("fsync", 3)])
def test_a_failure_leaves_no_new_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    fail_at(monkeypatch, name, number)
    with pytest.raises(OutputError):
        put(tmp_path / "out", "x.csv", "y.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def write(folder: Path) -> list[str]:
        (folder / "half.csv").write_text("x", encoding="utf-8")
        raise OSError(errno.EACCES, "Permission denied")

    with pytest.raises(OutputError, match="Permission denied"):
        commit(tmp_path / "out", MARK, "one", overwrite=False, write=write)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_open_elsewhere_is_named_before_and_after_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows neither moves nor replaces what Excel has open."""
    out, real = tmp_path / "out", os.replace
    put(out, "表.xlsx", "x.csv")
    before = everything(out)

    def windows(source: Path, target: Path) -> None:
        if Path(source).name.endswith(".xlsx") and Path(source).parent == out:
            raise PermissionError(errno.EACCES, "being used by another process", str(source))
        real(source, target)

    monkeypatch.setattr(os, "replace", windows)
    for refused in (lambda: check_free(out, MARK, overwrite=False), lambda: put(out, "表.xlsx", "x.csv")):
        with pytest.raises(OutputError, match=r"表\.xlsx：being used"):
            refused()
    assert everything(out) == before
