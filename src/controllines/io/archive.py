"""What a zip may hold: data sets of the formats that are read, each unpacked under a name of our own."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from controllines.errors import InputError
from controllines.io import files
from controllines.io.formats import drivers, exceeded
from controllines.io.source import Limits

_SYMLINK = 0o120000
#: No part of a geodatabase is called so; on Windows ``C:x`` and ``x:y`` lie elsewhere than beside the others.
_NO_PART = re.compile(r'[<>:"|?*\x00-\x1f]')
_NESTED = (".zip", ".rar", ".7z", ".gz", ".tgz", ".tar")
#: Text and tables often lie beside the data as a readme: they count where they are survey files, or the only data.
_TEXTS = (".txt", ".csv", ".xlsx")
_SURVEY_MARKS = [mark.encode(code) for mark in ("属性描述", "地块坐标") for code in ("utf-8", "gb18030", "utf-16-le")]
#: Below this size a file of zeros may well shrink more than a hundredfold.
_HARMLESS_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Unpacked:
    """What came out of a zip: (name in the zip, path) of each data set, and the names of what was left in."""

    datasets: tuple[tuple[str, Path], ...]
    ignored: tuple[str, ...]


def unpack(path: Path, folder: Path, limits: Limits, *, suffixes: tuple[str, ...] | None = None) -> Unpacked:
    """Unpack the data sets of a zip, each into a folder of its own.

    No name of the zip is ever used as a path; names that try to leave the folder are refused all the same.

    Parameters
    ----------
    suffixes : what counts as a data set; omitted: every format that is read

    Raises
    ------
    InputError
        ``ZIP_UNSAFE``, ``ZIP_NESTED``, ``ZIP_CONTENTS``, ``LIMIT_EXCEEDED``, ``FILE_CORRUPT``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name_of(member): member for member in checked_members(archive, path, limits)}
            wanted = _datasets(archive, names, path, suffixes)
            unpacked = [_dataset(archive, names, name, folder / str(k)) for k, name in enumerate(wanted)]
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError, zipfile.zlib.error) as problem:  # type: ignore[attr-defined]
        raise InputError.of("FILE_CORRUPT", source=path, actual=str(problem)[:200]) from problem
    used = {member for _, _, members in unpacked for member in members}
    ignored = tuple(sorted(n for n in set(names) - used if not n.lower().endswith(files.COMPANIONS)))
    return Unpacked(tuple((name, target) for name, target, _ in unpacked), ignored)


def checked_members(archive: zipfile.ZipFile, path: Path, limits: Limits) -> list[zipfile.ZipInfo]:
    """Return the members of a zip that is neither a bomb nor has names that leave it."""
    members = archive.infolist()
    if len(members) > limits.max_zip_members:
        raise exceeded(path, "max_zip_members", limits.max_zip_members, len(members))
    total = sum(member.file_size for member in members)
    if total > limits.max_unzipped_bytes:
        raise exceeded(path, "max_unzipped_bytes", limits.max_unzipped_bytes, total)
    ratio = total / max(1, path.stat().st_size)
    if total > _HARMLESS_BYTES and ratio > limits.max_zip_ratio:
        raise exceeded(path, "max_zip_ratio", limits.max_zip_ratio, f"{ratio:.0f} 倍，共 {total} 字节")
    for member in members:
        reason = _unsafe(member)
        if reason:
            raise InputError.of("ZIP_UNSAFE", source=path, actual=f"{name_of(member)[:80]}（{reason}）")
    return [member for member in members if not member.is_dir() and not name_of(member).startswith("__MACOSX/")]


def _unsafe(member: zipfile.ZipInfo) -> str:
    name = PurePosixPath(name_of(member))
    if name.is_absolute() or ".." in name.parts or ":" in name.parts[0] if name.parts else True:
        return "路径指向压缩包之外"
    if (member.external_attr >> 16) & 0o170000 == _SYMLINK:
        return "符号链接"
    return "加密" if member.flag_bits & 1 else ""


def name_of(member: zipfile.ZipInfo) -> str:
    """Return the name of a member; zip tools on Chinese Windows write GBK without saying so."""
    name = member.filename
    if not member.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("GB18030")
        except UnicodeError:
            name = member.filename
    return name.replace("\\", "/")


def _datasets(
    archive: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo], path: Path, suffixes: tuple[str, ...] | None
) -> list[str]:
    nested = sorted(name for name in names if name.lower().endswith(_NESTED))
    if nested:
        raise InputError.of("ZIP_NESTED", source=path, actual="、".join(nested)[:300])
    known = suffixes or tuple(suffix for suffix in drivers() if suffix not in (".zip", ".gdb"))
    gdbs = {part for name in names for part in map(str, PurePosixPath(name).parents) if part.lower().endswith(".gdb")}
    loose = [name for name in names if not any(PurePosixPath(root) in PurePosixPath(name).parents for root in gdbs)]
    offered = [name for name in loose if PurePosixPath(name).suffix.lower() in known]
    texts = [name for name in offered if name.lower().endswith(_TEXTS)]
    data = sorted(gdbs | set(offered) - set(texts))
    chosen = sorted([*data, *(name for name in texts if _is_survey(archive, names[name]))]) if data else sorted(texts)
    if not chosen:
        raise InputError.of("ZIP_CONTENTS", source=path, actual="、".join(sorted(names))[:300] or "没有文件")
    return chosen


def _is_survey(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    with archive.open(member) as stream:
        start = stream.read(4096)
    return any(mark in start for mark in _SURVEY_MARKS)


def _dataset(
    archive: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo], name: str, folder: Path
) -> tuple[str, Path, list[str]]:
    """Write one data set and return its name, its path, and the members it was made of."""
    folder.mkdir()
    suffix = PurePosixPath(name).suffix.lower()
    target = folder / f"data{suffix}"
    if suffix == ".gdb":
        target.mkdir()
        members = {n: target / PurePosixPath(n).name for n in names if str(PurePosixPath(n).parent) == name}
        if wrong := next((n for n in members if _NO_PART.search(PurePosixPath(n).name)), None):
            raise InputError.of("ZIP_UNSAFE", source=archive.filename, actual=f"{wrong[:80]}（路径指向压缩包之外）")
    else:
        stem = name[: -len(suffix)].lower()
        parts = {stem + part: part for part in files.side_parts(suffix)} | {name.lower(): suffix}
        members = {n: folder / f"data{parts[n.lower()]}" for n in names if n.lower() in parts}
    for member, to in members.items():
        _write(archive, names[member], to)
    return name, target, list(members)


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    with archive.open(member) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
