"""The folder of a prepared plan (预处理规划的文件夹): manifest, one generation of layers, a lock.

A folder holds ``manifest.json`` and one ``gen-<hash>/``. Replacing the manifest is the commit: a writer that is killed
leaves the old plan whole, and the next one clears away what it left. Writers hold a lock that the system takes from
them when they die; a second one is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from typing import IO, Any

from controllines.errors import PlanError
from controllines.io import files
from controllines.tiles import BLOCK, MOST

FORMAT, MANIFEST = "controllines.plan/1", "manifest.json"
#: What the cuts depend on: a store made otherwise is not read.
OPTIONS: dict[str, object] = {"tile_vertices": MOST, "block_tiles": BLOCK}


def damaged(path: Path, what: str) -> PlanError:
    """Return the error of a store that is not what was written."""
    return PlanError.of("PLAN_DAMAGED", source=path, actual=what)


def is_free(folder: Path) -> bool:
    """Return whether a path that exists may become a store: it is one, or an empty folder, or what a kill left."""
    if not folder.is_dir():
        return False
    return (folder / MANIFEST).exists() or all(
        path.name == ".lock" or path.name.startswith("new-") for path in folder.iterdir()
    )


@contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """Lock a store and give a new folder to write a generation into; what killed writers left is cleared away.

    Raises
    ------
    PlanError
        ``PLAN_BEING_PREPARED``: another process is writing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+b") as lock:
        if not _locked(lock):
            raise PlanError.of("PLAN_BEING_PREPARED", source=folder)
        for left in folder.glob("new-*"):
            shutil.rmtree(left, ignore_errors=True)
        new = folder / f"new-{os.getpid()}"
        new.mkdir()
        try:
            yield new
        finally:
            shutil.rmtree(new, ignore_errors=True)


def _locked(file: IO[bytes]) -> bool:
    """Try to lock a file until it is closed; the system gives the lock back when the process dies."""
    try:
        try:
            import fcntl
        except ImportError:  # Windows
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def commit(folder: Path, new: Path, manifest: Mapping[str, Any]) -> None:
    """Make a written generation the store's: name it by its content, replace the manifest, clear away the old one."""
    body = json.dumps(manifest, ensure_ascii=False, sort_keys=True)
    name = f"gen-{hashlib.sha256(body.encode()).hexdigest()[:16]}"
    for path in new.rglob("*"):
        files.to_disk(path)
    # The same content, perhaps damaged, may be there, and in use: it goes when the manifest no longer names it.
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    name = next(one for one in names if not (folder / one).exists())
    new.rename(folder / name)
    text = json.dumps(dict(manifest) | {"generation": name}, ensure_ascii=False, indent=1, sort_keys=True)
    fresh = folder / f"{MANIFEST}.new"
    fresh.write_text(text, encoding="utf-8", newline="\n")
    files.to_disk(fresh)
    fresh.replace(folder / MANIFEST)
    files.to_disk(folder)
    for old in folder.glob("gen-*"):
        if old.name != name:
            shutil.rmtree(old, ignore_errors=True)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a store.

    Raises
    ------
    PlanError
        It is no store, of another version of the format, made with other options, or damaged.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        said, options = manifest["format"], manifest["options"]
    except FileNotFoundError:
        raise PlanError.of("PLAN_NOT_PREPARED", source=folder) from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise damaged(path, str(problem)[:200]) from None
    if said != FORMAT or options != OPTIONS:
        raise PlanError.of(
            "PLAN_OTHER_FORMAT", source=folder, actual=f"{said} {options}", expected=f"{FORMAT} {OPTIONS}"
        )
    if not (folder / manifest["generation"]).is_dir():
        raise damaged(folder, manifest["generation"])
    return dict(manifest)


def sources_of(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Return what identifies the files a plan is made from."""
    return [{"path": str(path.absolute()), "sha256": files.sha256(path), "parts": _parts(path)} for path in paths]


def _parts(path: Path) -> list[list[Any]]:
    base = path if path.is_dir() else path.parent
    return [[Path(name).relative_to(base).as_posix(), size, time] for name, size, time in files.stamp(path)]


def check_sources(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Compare a store with the files it was made from, as far as they can be reached.

    Files of the same size and time are taken for the same; where only the time differs, the checksum decides.

    Raises
    ------
    PlanError
        ``PLAN_STALE``: a file is not what it was.
    """
    for source in manifest["sources"]:
        path = Path(source["path"])
        if not path.exists():
            continue
        try:
            parts = _parts(path)
            same = parts == source["parts"] or (
                [part[:2] for part in parts] == [part[:2] for part in source["parts"]]
                and files.sha256(path) == source["sha256"]
            )
        except OSError:  # not reachable after all
            continue
        if not same:
            raise PlanError.of("PLAN_STALE", source=folder, actual=path)
