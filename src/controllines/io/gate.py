"""The gate: what a file is by its first bytes, which must match its name; what is read aside from where it lies."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from controllines.errors import InputError
from controllines.findings import Finding, finding
from controllines.io import archive, files
from controllines.io.formats import check_magic, driver_of, exceeded
from controllines.io.source import Limits
from controllines.io.txt import decode

__all__ = ["Opened", "exceeded", "opened"]

#: Formats that Python reads: no archive syntax of GDAL ("!") to mind in their paths.
_OWN = ("TXT", "CSV", "XLSX")
_LINKS = re.compile(rb"<NetworkLink[\s>].{0,2000}?<href>([^<]*)", re.DOTALL)
_ODD = re.compile(r"[!;\x00-\x1f]")
#: The root element itself, behind declaration and comments: other readers look for their word anywhere.
_KML_ROOT = re.compile(rb"(\xef\xbb\xbf)?\s*(<\?[^>]*\?>\s*|<!--.*?-->\s*)*<(\w+:)?kml[\s>]", re.DOTALL)
_ENTITIES = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(frozen=True)
class Opened:
    """A data set that passed the gate.

    Attributes
    ----------
    path : what to read (in a temporary folder where the file was a zip or is being written)
    shown : the file as the caller named it; of several in a zip ``a.zip!inner.shp``
    driver : the only driver that may read it
    sha256 : of the input
    notes : what the gate noticed
    """

    path: Path
    shown: Path
    driver: str
    sha256: str
    notes: tuple[Finding, ...] = ()


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[list[Opened]]:
    """Let a file in, or refuse it with the reason; a zip may hold several data sets.

    Raises
    ------
    InputError
        The file is missing, empty, too large, not what its suffix says, of an unknown format, or an unsafe zip; or it
        changed while it was read.
    """
    driver = _allowed(path, limits)
    try:
        before, digest = files.stamp(path), files.sha256(path)
        with tempfile.TemporaryDirectory(prefix="controllines-", ignore_cleanup_errors=True) as folder:
            yield _settled(Opened(path, path, driver, digest), Path(folder), limits)
        if files.stamp(path) != before:
            raise InputError.of("FILE_CHANGED", source=path)
    except OSError as problem:
        raise InputError.of("FILE_UNREADABLE", source=path, actual=problem.strerror or str(problem)) from problem


def _allowed(path: Path, limits: Limits) -> str:
    if not path.exists():
        raise InputError.of("FILE_NOT_FOUND", source=path)
    try:
        driver = driver_of(path)
        size = sum(part.stat().st_size for part in files.parts(path))
        if size > limits.max_file_bytes:
            raise exceeded(path, "max_file_bytes", limits.max_file_bytes, size)
        check_magic(path, driver, path)
    except OSError as problem:
        raise InputError.of("FILE_UNREADABLE", source=path, actual=problem.strerror or str(problem)) from problem
    return driver


def _settled(offered: Opened, folder: Path, limits: Limits) -> list[Opened]:
    if offered.driver not in ("zip", "kmz"):
        return [_prepared(offered, folder, limits)]
    out = archive.unpack(offered.path, folder, limits, suffixes=(".kml",) if offered.driver == "kmz" else None)
    notes = [] if offered.driver == "kmz" or not out.ignored else [
        finding("ZIP_MEMBERS_IGNORED", source=offered.shown, actual="、".join(out.ignored)[:300])
    ]  # fmt: skip
    inside: list[Opened] = []
    for name, path in out.datasets:
        shown = Path(f"{offered.shown}!{name}") if len(out.datasets) > 1 else offered.shown
        driver = driver_of(path)
        check_magic(path, driver, shown)
        one = replace(offered, path=path, shown=shown, driver=driver, notes=() if inside else tuple(notes))
        if driver == "kmz":
            (path.parent / "kmz").mkdir()
            inside += _settled(one, path.parent / "kmz", limits)
        else:
            inside.append(_prepared(one, path.parent, limits))
    return inside


def _prepared(offered: Opened, folder: Path, limits: Limits) -> Opened:
    """Copy aside what must not be read where it lies."""
    path = offered.path
    if offered.driver in ("TXT", "CSV", "LIBKML", "DXF"):
        check_text_size(path, offered.shown, limits)
    if offered.driver == "LIBKML":
        return _plain_kml(offered, folder)
    # SQLite would write beside the user's file as soon as it opens it; GDAL's wrappers take "!" for an archive's end
    # and ";" for the end of a name, and end at text of a .prj that is no UTF-8.
    odd = _ODD.search(str(path.absolute())) and offered.driver not in _OWN
    prj = files.companion(path, ".prj") if offered.driver == "ESRI Shapefile" else None
    text, plain = files.prj_text(prj) if prj else ("", True)
    if not (odd or not plain or (offered.driver == "GPKG" and _write_ahead(path))):
        return offered
    copy = _copied(path, folder)
    if not plain:
        copy.with_suffix(".prj").write_text(text, encoding="utf-8", newline="\n")
    return replace(offered, path=copy)


def check_text_size(path: Path, shown: Path, limits: Limits) -> None:
    """Refuse text that is read into the memory of this process and is longer than allowed."""
    size = path.stat().st_size
    if size > limits.max_text_bytes:
        raise exceeded(shown, "max_text_bytes", limits.max_text_bytes, size)


def refuse_entities(data: bytes, shown: Path) -> None:
    """Refuse XML that could reach for other files or unfold without end, before anything parses it.

    Raises
    ------
    InputError
        ``XML_UNSAFE``
    """
    if b"\0" in data:  # UTF-16 and UTF-32 would hide the words looked for
        raise InputError.of("XML_UNSAFE", source=shown, actual="不是 UTF-8 或 GBK 编码")
    found = _ENTITIES.search(data)
    if found:
        raise InputError.of("XML_UNSAFE", source=shown, actual=found[0].decode("ascii"))


def _plain_kml(offered: Opened, folder: Path) -> Opened:
    """Check a KML and give it to the reader as UTF-8."""
    data = offered.path.read_bytes()
    refuse_entities(data, offered.shown)
    if not _KML_ROOT.match(data):
        raise InputError.of("FILE_FORMAT_MISMATCH", source=offered.shown, expected=".kml", actual="其他 XML")
    notes = list(offered.notes)
    archived = ".kmz" in str(offered.shown).lower()  # what its links name inside the archive is read, too
    links = _LINKS.findall(data)
    if any(b"://" in link or not archived for link in links):
        notes.append(finding("KML_LINKS", source=offered.shown))
    text, encoding = decode(data, offered.shown)
    if encoding != "GB18030":
        return replace(offered, notes=tuple(notes))
    notes.append(finding("ENCODING_GUESSED", source=offered.shown, actual=encoding))
    copy = folder / "plain.kml"
    copy.write_text(re.sub(r"^\s*<\?xml[^>]*\?>", "", text), encoding="utf-8", newline="\n")
    return replace(offered, path=copy, notes=tuple(notes))


def _copied(path: Path, folder: Path) -> Path:
    copy = Path(tempfile.mkdtemp(dir=folder)) / f"data{path.suffix.lower()}"  # in a zip it may be called so, too
    if path.is_dir():
        return Path(shutil.copytree(path, copy))
    for part in files.parts(path):
        shutil.copyfile(part, copy.with_suffix(part.suffix.lower()))
    return copy


def _write_ahead(path: Path) -> bool:
    with path.open("rb") as stream:
        header = stream.read(20)
    return header[18:20] == b"\x02\x02" or Path(f"{path}-wal").exists()
