"""Which files there are, and what identifies them."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from controllines.errors import InputError

#: Files that accompany others and are never read on their own.
COMPANIONS = (
    ".dbf", ".shx", ".prj", ".cpg", ".sbn", ".sbx", ".shp.xml", ".qix", ".fix", ".ain", ".aih", ".atx", ".ixs",
    ".qpj", ".qmd", ".names.csv", ".lock", ".toml", ".md", "-wal", "-shm", "-journal",
)  # fmt: skip
#: Parts of a shapefile that decide what is read.
SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
#: Formats without a coordinate system of their own: a .prj beside them says it.
_WITH_PRJ = (".dxf", ".csv", ".xlsx")
#: What file managers leave in folders.
_LEFT_BEHIND = ("thumbs.db", "desktop.ini")


def find_files(paths: Iterable[str | Path]) -> list[Path]:
    """Return the files to read, sorted by path, each once.

    Parameters
    ----------
    paths : files, folders (searched to any depth) and glob patterns. In folders and patterns hidden files and
        companions of other files (``.dbf``, ``.prj``, ``.toml`` …) are skipped; everything else is listed, so that
        an unreadable format gives a named error instead of silence. A ``.gdb`` folder counts as one file.

    Raises
    ------
    InputError
        ``FILE_NOT_FOUND``: a path does not exist, or a pattern matches nothing.
    """
    if isinstance(paths, str | Path):
        paths = [paths]
    found = {file for path in paths for file in _expand(path)}
    return sorted(found, key=lambda file: file.as_posix())


def _expand(path: str | Path) -> Iterator[Path]:
    here = Path(path)
    if here.exists():
        yield from _inside(here) if is_folder(here) else [here]
        return
    matches = sorted(glob.glob(str(path), recursive=True)) if glob.has_magic(str(path)) else []  # noqa: PTH207 - may be absolute
    if not matches:
        raise InputError.of("FILE_NOT_FOUND", source=path)
    for match in map(Path, matches):
        if is_folder(match):
            yield from _inside(match)
        elif _wanted(match.name) and not _within_gdb(match):
            yield match


def is_folder(path: Path) -> bool:
    """Tell whether a path is a folder to search; a ``.gdb`` folder is a file."""
    return path.is_dir() and path.suffix.lower() != ".gdb"


def _within_gdb(path: Path) -> bool:
    return any(parent.suffix.lower() == ".gdb" for parent in path.parents)


def _inside(folder: Path) -> Iterator[Path]:
    for top, folders, names in os.walk(folder):
        here = Path(top)
        yield from (here / name for name in folders if name.lower().endswith(".gdb"))
        folders[:] = [name for name in folders if not name.startswith(".") and not name.lower().endswith(".gdb")]
        yield from (here / name for name in names if _wanted(name) or _orphan(name, names))


def _wanted(name: str) -> bool:
    return not name.startswith((".", "~$")) and not name.lower().endswith((*COMPANIONS, *_LEFT_BEHIND))


def _orphan(name: str, beside: list[str]) -> bool:
    """Tell whether a .dbf has lost its .shp: somebody wanted this shapefile to be read."""
    return name.lower().endswith(".dbf") and name.lower()[:-4] + ".shp" not in {other.lower() for other in beside}


def companion(path: Path, suffix: str) -> Path | None:
    """Return the file beside ``path`` with the same stem and another suffix in any case, or None."""
    for candidate in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
        if candidate.is_file():
            return candidate
    same_stem = (other for other in path.parent.iterdir() if other.stem == path.stem)
    return next((other for other in same_stem if other.suffix.lower() == suffix and other.is_file()), None)


def stem(path: Path) -> str:
    """Return the name of a file without its suffixes, which names its only layer (``a.shp.zip`` → ``a``)."""
    name = path.name
    for suffix in (".zip", ".shp", ".gdb"):
        name = name.removesuffix(suffix)
    return name if name != path.name else path.stem


def parts(path: Path) -> list[Path]:
    """Return all files that make up one input."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file() and file.suffix.lower() != ".lock")
    if side := side_parts(path.suffix.lower()):
        return [path, *(part for suffix in side if (part := companion(path, suffix)) and part != path)]
    log = Path(f"{path}-wal")
    return [path, log] if path.suffix.lower() == ".gpkg" and log.is_file() else [path]


def side_parts(suffix: str) -> tuple[str, ...]:
    """Return the suffixes of the files that belong to a file with this suffix."""
    return SHAPEFILE_PARTS if suffix == ".shp" else (".prj",) if suffix in _WITH_PRJ else ()


def stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, size and time of every part: it changes when somebody writes to the file."""
    states = ((part, part.stat()) for part in parts(path))
    return tuple((str(part), state.st_size, state.st_mtime_ns) for part, state in states)


def to_disk(path: Path) -> None:
    """Have the system put what it holds of a file, or of the entries of a folder, on the disk for good.

    Windows does so only for what is open for writing, and for no folder.

    Raises
    ------
    OSError
    """
    folder = path.is_dir()
    if folder and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def as_written(path: str) -> Path:
    """Return a path that stands in a text; on other systems too, one written on Windows leads to the file."""
    return Path(path if os.name == "nt" else path.replace("\\", "/"))


def sha256(path: Path) -> str:
    """Return the sha256 that identifies an input (see :class:`controllines.io.Source`)."""
    members = parts(path)
    if members == [path]:
        return _digest(path)
    root = path if path.is_dir() else path.parent
    lines = sorted(f"{part.relative_to(root).as_posix()} {_digest(part)}\n" for part in members)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def prj_text(path: Path) -> tuple[str, bool]:
    """Return the text of a .prj, and whether it is UTF-8: names in Chinese come in GBK, too."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace"), False
