"""What a file is: by its suffix what reads it or why it is refused, by its first bytes whether that is true."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from controllines.errors import InputError
from controllines.packaged import packaged

_MAGIC = {
    "ESRI Shapefile": b"\x00\x00\x27\x0a", "GPKG": b"SQLite format 3\x00", "Parquet": b"PAR1", "zip": b"PK",
    "kmz": b"PK", "XLSX": b"PK",
}  # fmt: skip
#: First bytes of what is offered under a false name or none: what it is, for the message, and the key of its refusal.
_KNOWN = {
    b"PK": ("zip 压缩包（或 xlsx、docx）", ""), b"Rar!": ("RAR 压缩包", "rar"), b"7z\xbc\xaf": ("7z 压缩包", "7z"),
    b"\x1f\x8b": ("gz 压缩包", "gz"), b"PAR1": ("Parquet", ""), b"SQLite": ("SQLite（gpkg）", ""),
    b"\x00\x00\x27\x0a": ("Shapefile（shp、shx）", ""), b"<": ("XML（kml、gml、vrt 等）", ""), b"AC10": ("DWG", "dwg"),
    b"\xd0\xcf\x11\xe0": ("旧版 Office 文件", "doc"), b"%PDF": ("PDF", "pdf"),
    b"\x00\x01\x00\x00Standard Jet": ("Access（mdb）", "mdb"),
    b"\x00\x01\x00\x00Standard ACE": ("Access（accdb）", "accdb"),
    b"fgb\x03": ("FlatGeobuf", "fgb"), b"AutoCAD Binary DXF": ("二进制 DXF", "dxf_binary"),
    b"\xff\xd8\xff": ("图片（jpg）", "jpg"), b"\x89PNG": ("图片（png）", "png"),
}  # fmt: skip


@cache
def _registry() -> dict[str, Any]:
    return packaged("io/formats")


@cache
def drivers() -> Mapping[str, str]:
    """Return suffix (with its dot, lower case) -> driver of all formats that are read."""
    return {f".{suffix}": driver for suffix, driver in _registry()["drivers"].items()}


def suffix(path: Path) -> str:
    """Return the suffix that decides, in lower case."""
    return path.suffix.lower()


def driver_of(path: Path) -> str:
    """Return the driver of a file by its suffix.

    Raises
    ------
    InputError
        ``FILE_FORMAT_REFUSED`` with the cure, by suffix or by first bytes; ``FILE_IS_FOLDER``; ``FILE_FORMAT_UNKNOWN``
        for the rest.
    """
    driver = drivers().get(suffix(path))
    if driver is not None:
        return driver
    if path.is_dir():
        raise InputError.of("FILE_IS_FOLDER", source=path)
    refused = _registry()["refused"]
    key = suffix(path)[1:] if suffix(path)[1:] in refused else _known(_start(path))[1] if path.is_file() else ""
    if key:
        raise InputError.of("FILE_FORMAT_REFUSED", source=path, actual=refused[key]["name"], cure=refused[key]["cure"])
    told = path.suffix or path.name
    raise InputError.of("FILE_FORMAT_UNKNOWN", source=path, actual=told, expected=" ".join(drivers()))


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
    start = _start(path)
    if not start:
        raise InputError.of("FILE_EMPTY", source=shown)
    if _fits(start, driver):
        return
    name, key = _known(start)
    if key == "dxf_binary" and driver == "DXF":
        raise InputError.of("FILE_FORMAT_REFUSED", source=shown, actual=name, cure=_registry()["refused"][key]["cure"])
    raise InputError.of("FILE_FORMAT_MISMATCH", source=shown, expected=suffix(path), actual=name)


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(512)


def _known(start: bytes) -> tuple[str, str]:
    bare = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    return next((known for magic, known in _KNOWN.items() if bare.startswith(magic)), ("其他内容", ""))


def _fits(start: bytes, driver: str) -> bool:
    if driver in _MAGIC:
        return start.startswith(_MAGIC[driver])
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if driver == "GeoJSON":
        return text[:1] in (b"{", b"[")
    if driver == "LIBKML":
        return text.startswith(b"<")
    binary = any(start.startswith(magic) for magic in _KNOWN) or text.startswith((b"<", b"{"))
    wide = driver != "DXF" and start.startswith((b"\xff\xfe", b"\xfe\xff", b"[\0", b"\0["))
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
