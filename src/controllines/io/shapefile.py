"""What GDAL does not tell about a shapefile: missing and cut parts, the encoding of its text, the .prj."""

from __future__ import annotations

import codecs
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
from pyproj.exceptions import CRSError as ProjCRSError

from controllines.errors import CRSError, InputError
from controllines.findings import Finding, finding
from controllines.io.files import companion, prj_text
from controllines.io.gate import Opened

#: Language driver id (byte 29 of the dbf) -> encoding. 0 and 0x57 ("ANSI", whatever that was) say nothing.
_LDID = {
    0x01: "CP437", 0x02: "CP850", 0x03: "CP1252", 0x13: "CP932", 0x4D: "GB18030", 0x4E: "CP949", 0x4F: "CP950",
    0x58: "CP1252", 0x59: "CP1252", 0x78: "CP950", 0x79: "CP949", 0x7A: "GB18030", 0x7B: "CP932", 0xC8: "CP1250",
    0xC9: "CP1251",
}  # fmt: skip
_CHINESE = ("gbk", "gb2312", "cp936", "gb18030", "936", "euccn")


@dataclass(frozen=True)
class Checked:
    """A shapefile whose parts agree.

    Attributes
    ----------
    records : number of records (记录) to be read, without the deleted ones
    cut_off : rows whose geometry the file ends before
    encoding : of the text
    findings : what was noticed
    """

    records: int
    cut_off: tuple[int, ...]
    encoding: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Table:
    """The dbf: header and the records as bytes of shape (records, record length)."""

    ldid: int
    fields: tuple[tuple[bytes, str, int, int], ...]  # name, type, offset, width
    rows: np.ndarray


def check(opened: Opened) -> Checked:
    """Check that every record announced is there, and find the encoding of the text.

    Raises
    ------
    InputError
        ``FILE_PART_MISSING``, ``FILE_CORRUPT`` or ``TEXT_UNREADABLE``.
    """
    for suffix in (".shx", ".dbf"):
        if companion(opened.path, suffix) is None:
            raise InputError.of("FILE_PART_MISSING", source=opened.shown, actual=opened.shown.stem + suffix)
    whole = _shx_whole(opened)
    table = _dbf(opened)
    if len(whole) != len(table.rows):
        raise _corrupt(opened, f".shx 有 {len(whole)} 个要素，.dbf 有 {len(table.rows)} 条记录")
    found: list[Finding] = []
    encoding = _encoding(opened, table, found)
    deleted = table.rows[:, 0] == ord("*") if len(table.rows) else np.zeros(0, bool)
    if deleted.any():
        found.append(finding("RECORDS_DELETED", source=opened.shown, actual=int(deleted.sum())))
    cut_off = tuple(np.flatnonzero(~whole[~deleted]).tolist())
    found += [finding("RECORD_CUT_OFF", source=opened.shown, feature=f"row:{row + 1}") for row in cut_off]
    return Checked(int((~deleted).sum()), cut_off, encoding, tuple(found))


def _corrupt(opened: Opened, why: str) -> InputError:
    return InputError.of("FILE_CORRUPT", source=opened.shown, actual=why)


def _part(opened: Opened, suffix: str) -> Path:
    found = companion(opened.path, suffix)
    if found is None:
        raise InputError.of("FILE_PART_MISSING", source=opened.shown, actual=opened.shown.stem + suffix)
    return found


def _shx_whole(opened: Opened) -> np.ndarray:
    """Return for every record whether the .shp reaches to its end."""
    index = np.fromfile(_part(opened, ".shx"), dtype=">i4")
    size = opened.path.stat().st_size
    if len(index) < 25 or index[0] != 9994 or size < 100:
        raise _corrupt(opened, ".shx 或 .shp 的文件头不完整")
    announced = (int(index[6]) * 2 - 100) // 8
    if announced < 0 or 25 + 2 * announced > len(index):
        raise _corrupt(opened, f".shx 不完整：应有 {announced} 个要素")
    places = index[25 : 25 + 2 * announced].reshape(-1, 2).astype(np.int64)
    whole = (places >= 0).all(axis=1) & (places.sum(axis=1) * 2 + 8 <= size)
    if len(whole) and not whole.any():
        raise _corrupt(opened, f".shp 不完整：只有 {size} 字节")
    return np.asarray(whole)


def _dbf(opened: Opened) -> _Table:
    data = np.memmap(_part(opened, ".dbf"), dtype=np.uint8, mode="r")
    if len(data) < 32:
        raise _corrupt(opened, ".dbf 的文件头不完整")
    records, start, width = struct.unpack("<IHH", bytes(data[4:12]))
    if width < 1 or start < 33 or start + records * width > len(data):
        raise _corrupt(opened, f".dbf 不完整：应有 {records} 条记录")
    rows = np.asarray(data[start : start + records * width]).reshape(records, width)
    return _Table(int(data[29]), tuple(_fields(bytes(data[32:start]))), rows)


def _fields(header: bytes) -> Iterator[tuple[bytes, str, int, int]]:
    offset = 1
    for k in range(0, len(header) - 31, 32):
        descriptor = header[k : k + 32]
        if descriptor[0] == 0x0D:
            return
        kind = chr(descriptor[11])
        # A text field may be longer than 255: its second length byte is then in the place of the decimals.
        width = descriptor[16] + (descriptor[17] << 8 if kind == "C" else 0)
        yield descriptor[:11].split(b"\0")[0], kind, offset, width
        offset += width


def _encoding(opened: Opened, table: _Table, found: list[Finding]) -> str:
    texts = list(_texts(table))
    declared = _cpg(opened) or _LDID.get(table.ldid)
    if declared and all(_fits(text, declared) for text in texts) and not _mislabelled(texts, declared):
        return declared
    guess = next((name for name in ("UTF-8", "GB18030") if all(_fits(text, name) for text in texts)), None)
    if guess is None:
        raise InputError.of("TEXT_UNREADABLE", source=opened.shown)
    if declared:
        found.append(finding("ENCODING_CONTRADICTS", source=opened.shown, expected=declared, actual=guess))
    elif texts:
        found.append(finding("ENCODING_GUESSED", source=opened.shown, actual=guess))
    return guess


def _mislabelled(texts: list[bytes], declared: str) -> bool:
    """Tell whether text declared as Western is Chinese: those code pages take any bytes, so fitting proves nothing.

    Accented letters stand alone between plain ones; in UTF-8 and GB 2312 bytes above 127 always come in groups.
    """
    western = codecs.lookup(declared).name.startswith(("cp125", "iso8859", "cp437", "cp850", "ascii"))
    return western and bool(texts) and any(all(_fits(text, name) for text in texts) for name in ("UTF-8", "GB2312"))


def _texts(table: _Table) -> Iterator[bytes]:
    """Yield field names and distinct text values that are not plain ASCII."""
    yield from (name for name, *_ in table.fields if not name.isascii())
    for _, kind, offset, width in table.fields:
        block = table.rows[:, offset : offset + width]
        if kind == "C" and block.size:
            foreign = np.ascontiguousarray(block[(block & 0x80).any(axis=1)])
            for value in np.unique(foreign.view(f"V{block.shape[1]}").ravel()) if len(foreign) else ():
                yield value.tobytes().rstrip(b" \0")


def _fits(text: bytes, encoding: str) -> bool:
    try:
        # Not final: writers cut text at the width of the field, in the middle of a character if need be.
        codecs.getincrementaldecoder(encoding)("strict").decode(text, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _cpg(opened: Opened) -> str | None:
    part = companion(opened.path, ".cpg")
    name = part.read_bytes()[:64].decode("ascii", "ignore").strip().lower() if part else ""
    plain = name.replace("-", "").replace("_", "").replace("ansi", "").replace("oem", "").strip()
    if plain in _CHINESE:
        return "GB18030"
    for candidate in (name, f"cp{plain}" if plain.isdigit() else plain):
        try:
            # GDAL knows its encodings by their upper-case names only.
            return {"utf-8": "UTF-8"}.get(codecs.lookup(candidate).name, candidate.upper()) if candidate else None
        except (LookupError, ValueError):
            continue
    return None


def prj(opened: Opened) -> pyproj.CRS | None:
    """Return the CRS of the .prj, None if there is none.

    Raises
    ------
    CRSError
        ``CRS_UNKNOWN``: pyproj does not understand the text.
    """
    part = companion(opened.path, ".prj")
    text = prj_text(part)[0].strip("\0 \r\n\t") if part else ""
    if not text:
        return None
    try:
        return pyproj.CRS.from_user_input(text)
    except ProjCRSError:
        raise CRSError.of("CRS_UNKNOWN", source=opened.shown, actual=text[:120]) from None
