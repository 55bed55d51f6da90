"""A folder of outputs appears whole or not at all (成果整体写出): written beside it, moved in with its mark last."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pyogrio.errors import DataSourceError
from xlsxwriter.exceptions import XlsxWriterException

from controllines.errors import OutputError, reason
from controllines.io.files import to_disk


@dataclass(frozen=True)
class Mark:
    """The file that is moved in last and lists all others: name and schema."""

    name: str
    schema: str


def commit(
    target: Path, mark: Mark, run_id: str, *, overwrite: bool, write: Callable[[Path], list[str]]
) -> list[Path]:  # fmt: skip
    """Let ``write`` fill a folder beside the target and move its files in, the last one named as commit mark.

    Raises
    ------
    OutputError
        The target holds something else, or a file could not be written; what was there is intact.
    """
    with as_output_error(target):
        old = _old_files(target, mark, run_id, overwrite=overwrite)
        parent = target.absolute().parent
        parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.absolute().name}.", suffix=".tmp", dir=parent))
        fresh, before = work / "new", work / "old"
        fresh.mkdir()
        before.mkdir()
        done = False
        try:
            names = write(fresh)
            for name in names:
                to_disk(fresh / name)
            _swap(target.absolute(), fresh, before, (names, old))
            done = True
        finally:
            # files that could not be put back after a failure stay here rather than nowhere
            if done or not any(before.iterdir()):
                shutil.rmtree(work, ignore_errors=True)
    return [target / name for name in names]


@contextmanager
def as_output_error(target: Path) -> Iterator[None]:
    """Raise what the system or a writer says of the target as OUTPUT_NOT_WRITTEN."""
    try:
        yield
    except (OSError, XlsxWriterException, DataSourceError) as error:
        raise OutputError.of("OUTPUT_NOT_WRITTEN", source=target, actual=reason(error)) from error


def check_free(target: Path, mark: Mark, *, overwrite: bool) -> None:
    """Refuse before any work a folder that holds something else than a result, or files that are open elsewhere.

    Raises
    ------
    OutputError
        ``OUTPUT_NOT_EMPTY``, ``OUTPUT_NOT_WRITTEN``
    """
    with as_output_error(target):
        _old_files(target, mark, None, overwrite=overwrite)


def _old_files(target: Path, mark: Mark, run_id: str | None, *, overwrite: bool) -> list[str]:
    """Return the files of an earlier result in the folder, which this one replaces; of any run where none is given.

    Raises
    ------
    OutputError
        The folder holds something else and ``overwrite`` is not given.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return []
    old = _read_mark(target / mark.name, mark) if target.is_dir() else None
    same = old is not None and run_id in (None, old[0])
    if not target.is_dir() or not (overwrite or same):
        raise OutputError.of("OUTPUT_NOT_EMPTY", source=target)
    return _movable(target, old[1] if old else [])


def _movable(target: Path, names: Sequence[str]) -> list[str]:
    """Return the files that are there; each is moved onto itself, which Windows refuses while a program has it open."""
    there = [name for name in names if (target / name).is_file()]
    for name in there:
        (target / name).replace(target / name)
    return there


def _read_mark(path: Path, mark: Mark) -> tuple[str, list[str]] | None:
    """Return run id and files of our commit mark; None if it is not ours."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != mark.schema:
            return None
        names = [str(entry["path"]) for entry in content["files"]]
        return str(content["provenance"]["run_id"]), [name for name in names if _inside(name)] + [path.name]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _inside(name: str) -> bool:
    """Return whether a listed path stays in its folder: somebody may have edited the list."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name and ":" not in name


def listed(folder: Path, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return name and sha256 of the files a commit mark lists."""
    return [(name, hashlib.sha256((folder / name).read_bytes()).hexdigest()) for name in names]


def _swap(target: Path, fresh: Path, before: Path, names: tuple[list[str], list[str]]) -> None:
    """Move the old files out and the new ones in, the commit mark first out and last in; undo it on failure."""
    new, old = names
    existed = target.exists()
    target.mkdir(exist_ok=True)
    # The commit mark is the last of the new files and the first to go.
    replaced = [name for name in dict.fromkeys([new[-1], *old, *new]) if (target / name).exists()]
    moved: list[tuple[Path, Path]] = []
    try:
        for name in replaced:
            _move(target / name, before / name, moved)
        for name in new:
            _move(fresh / name, target / name, moved)
        to_disk(target)
        to_disk(target.parent)
    except BaseException:
        for source, place in reversed(moved):
            place.replace(source)
        if not existed:
            target.rmdir()
        raise


def _move(source: Path, place: Path, moved: list[tuple[Path, Path]]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    source.replace(place)
    moved.append((source, place))
