"""The gate: what a file is by its first bytes, which must match its name; what a zip may hold."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from controllines.errors import InputError
from controllines.io import files
from controllines.io.source import Limits

#: Suffix -> driver.
DRIVERS = {
    ".txt": "TXT", ".shp": "ESRI Shapefile", ".gdb": "OpenFileGDB", ".gpkg": "GPKG", ".geojson": "GeoJSON",
    ".json": "GeoJSON", ".parquet": "Parquet", ".geoparquet": "Parquet", ".zip": "zip",
}  # fmt: skip
_MAGIC = {
    "ESRI Shapefile": b"\x00\x00\x27\x0a", "GPKG": b"SQLite format 3\x00", "Parquet": b"PAR1", "zip": b"PK",
}  # fmt: skip
#: First bytes of what is offered under a false name, for the message.
_KNOWN = {
    b"PK": "zip 压缩包（或 xlsx、docx）", b"Rar!": "RAR 压缩包", b"7z\xbc\xaf": "7z 压缩包", b"PAR1": "Parquet",
    b"SQLite": "SQLite（gpkg）", b"\x00\x00\x27\x0a": "Shapefile（shp、shx）", b"<": "XML（kml、gml、vrt 等）",
    b"AC10": "DWG", b"\xd0\xcf\x11\xe0": "旧版 Office 文件", b"%PDF": "PDF",
    b"\x00\x01\x00\x00Standard": "Access（mdb）",
}  # fmt: skip
_SYMLINK = 0o120000


@dataclass(frozen=True)
class Opened:
    """A file that passed the gate.

    Attributes
    ----------
    path : what to read (in a temporary folder where the file was a zip or is being written)
    shown : the file as the caller named it
    driver : the only driver that may read it
    sha256 : of the input
    """

    path: Path
    shown: Path
    driver: str
    sha256: str


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Opened]:
    """Let a file in, or refuse it with the reason.

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
            inner, driver = _settled(path, driver, Path(folder), limits)
            yield Opened(inner, path, driver, digest)
        if files.stamp(path) != before:
            raise InputError.of("FILE_CHANGED", source=path)
    except OSError as problem:
        raise InputError.of("FILE_UNREADABLE", source=path, actual=problem.strerror or str(problem)) from problem


def _allowed(path: Path, limits: Limits) -> str:
    driver = DRIVERS.get(path.suffix.lower())
    if not path.exists():
        raise InputError.of("FILE_NOT_FOUND", source=path)
    if driver is None:
        raise InputError.of(
            "FILE_FORMAT_UNKNOWN", source=path, actual=path.suffix or path.name, expected=" ".join(DRIVERS)
        )
    try:
        size = sum(part.stat().st_size for part in files.parts(path))
        if size > limits.max_file_bytes:
            raise exceeded(path, "max_file_bytes", limits.max_file_bytes, size)
        check_magic(path, driver, path)
    except OSError as problem:
        raise InputError.of("FILE_UNREADABLE", source=path, actual=problem.strerror or str(problem)) from problem
    return driver


def exceeded(path: Path, limit: str, most: object, actual: object) -> InputError:
    """Return the error for a limit that a file exceeds."""
    return InputError.of("LIMIT_EXCEEDED", source=path, limit=limit, expected=most, actual=actual)


def check_magic(path: Path, driver: str, shown: Path) -> None:
    """Refuse a file whose first bytes are not those of the driver its suffix names."""
    if driver == "OpenFileGDB":
        _check_folder(path, shown)
        return
    if path.is_dir():
        raise InputError.of("FILE_FORMAT_MISMATCH", source=shown, expected=path.suffix, actual="文件夹")
    with path.open("rb") as stream:
        start = stream.read(512)
    if not start:
        raise InputError.of("FILE_EMPTY", source=shown)
    if not _fits(start, driver):
        actual = next(
            (name for magic, name in _KNOWN.items() if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(magic)),
            "其他内容",
        )
        raise InputError.of("FILE_FORMAT_MISMATCH", source=shown, expected=path.suffix.lower(), actual=actual)


def _fits(start: bytes, driver: str) -> bool:
    if driver in _MAGIC:
        return start.startswith(_MAGIC[driver])
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if driver == "GeoJSON":
        return text[:1] in (b"{", b"[")
    binary = any(start.startswith(magic) for magic in _KNOWN) or text.startswith((b"<", b"{"))
    wide = start.startswith((b"\xff\xfe", b"\xfe\xff", b"[\0", b"\0["))
    return not binary and (wide or b"\0" not in start)


def _check_folder(path: Path, shown: Path) -> None:
    if not path.is_dir():
        raise InputError.of("FILE_FORMAT_MISMATCH", source=shown, expected=".gdb 文件夹", actual="文件")
    names = [entry.name.lower() for entry in path.iterdir()]
    if any(name.endswith((".ed.lock", ".wr.lock")) for name in names):
        raise InputError.of("FILE_LOCKED", source=shown)
    if not any(name.endswith(".gdbtable") for name in names):
        raise InputError.of(
            "FILE_EMPTY" if not names else "FILE_FORMAT_MISMATCH",
            source=shown,
            expected=".gdb",
            actual="没有 gdbtable 的文件夹",
        )


def _settled(path: Path, driver: str, folder: Path, limits: Limits) -> tuple[Path, str]:
    if driver == "zip":
        inner = unpack(path, folder, limits)
        driver = DRIVERS[inner.suffix.lower()]
        check_magic(inner, driver, path)
        return inner, driver
    # SQLite would write beside the user's file as soon as it opens it; GDAL's wrappers take "!" for an archive's end.
    aside = (driver == "GPKG" and _write_ahead(path)) or (driver != "TXT" and "!" in str(path.absolute()))
    return (_copied(path, folder) if aside else path), driver


def _copied(path: Path, folder: Path) -> Path:
    copy = folder / f"data{path.suffix.lower()}"
    if path.is_dir():
        return Path(shutil.copytree(path, copy))
    for part in files.parts(path):
        shutil.copyfile(part, folder / f"data{part.suffix.lower()}")
    return copy


def _write_ahead(path: Path) -> bool:
    with path.open("rb") as stream:
        header = stream.read(20)
    return header[18:20] == b"\x02\x02" or Path(f"{path}-wal").exists()


def unpack(path: Path, folder: Path, limits: Limits) -> Path:
    """Unpack the one shapefile or file geodatabase of a zip and return its path.

    No name of the zip is ever used as a path; names that try to leave the folder are refused all the same.

    Raises
    ------
    InputError
        ``ZIP_UNSAFE``, ``ZIP_CONTENTS``, ``LIMIT_EXCEEDED``, ``FILE_CORRUPT``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _checked(archive, path, limits)
            return _extract(archive, members, path, folder)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError, zipfile.zlib.error) as problem:  # type: ignore[attr-defined]
        raise InputError.of("FILE_CORRUPT", source=path, actual=str(problem)[:200]) from problem


def _checked(archive: zipfile.ZipFile, path: Path, limits: Limits) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > limits.max_zip_members:
        raise exceeded(path, "max_zip_members", limits.max_zip_members, len(members))
    total = sum(member.file_size for member in members)
    if total > limits.max_unzipped_bytes:
        raise exceeded(path, "max_unzipped_bytes", limits.max_unzipped_bytes, total)
    for member in members:
        reason = _unsafe(member)
        if reason:
            raise InputError.of("ZIP_UNSAFE", source=path, actual=f"{_name(member)[:80]}（{reason}）")
    return [member for member in members if not member.is_dir() and not _name(member).startswith("__MACOSX/")]


def _unsafe(member: zipfile.ZipInfo) -> str:
    name = PurePosixPath(_name(member))
    if name.is_absolute() or ".." in name.parts or ":" in name.parts[0] if name.parts else True:
        return "路径指向压缩包之外"
    if (member.external_attr >> 16) & 0o170000 == _SYMLINK:
        return "符号链接"
    return "加密" if member.flag_bits & 1 else ""


def _name(member: zipfile.ZipInfo) -> str:
    name = member.filename
    if not member.flag_bits & 0x800:  # not marked as UTF-8: zip tools on Chinese Windows write GBK
        try:
            name = name.encode("cp437").decode("GB18030")
        except UnicodeError:
            name = member.filename
    return name.replace("\\", "/")


def _extract(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], path: Path, folder: Path) -> Path:
    names = {_name(member): member for member in members}
    shapefiles = {name for name in names if name.lower().endswith(".shp")}
    gdbs = {part for name in names for part in map(str, PurePosixPath(name).parents) if part.lower().endswith(".gdb")}
    if len(shapefiles) + len(gdbs) != 1:
        listed = "、".join(sorted(shapefiles | gdbs)) or "没有"
        raise InputError.of("ZIP_CONTENTS", source=path, actual=listed[:300])
    for root in gdbs:
        inner = folder / "data.gdb"
        inner.mkdir()
        for name in (n for n in names if str(PurePosixPath(n).parent) == root):
            _write(archive, names[name], inner / PurePosixPath(name).name)
        return inner
    stem = shapefiles.pop()[: -len(".shp")]
    for suffix in files.SHAPEFILE_PARTS:
        for name in (n for n in names if n.lower() == (stem + suffix).lower()):
            _write(archive, names[name], folder / f"data{suffix}")
    return folder / "data.shp"


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    with archive.open(member) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
