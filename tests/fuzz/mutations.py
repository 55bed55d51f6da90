"""Damage: what transmission, editors, exporters and ill will do to a file. All of it follows from one ``Random``."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

NUMBERS = (
    "NaN", "nan", "inf", "-inf", "1e999", "-1e999", "1e308", "1e-320", "0", "-0", "-1", "999999999999999999999",
    "1.5.2", "１２３", "12,3", "", " ", "0x10", "1_000", "4294967296", "2147483648", "-32768", "65536", "٣", "=1+1",
    "½", "1e5000000",
)  # fmt: skip
WORDS = (
    "", " ", "\x00", "=HYPERLINK(1)", "'", '"', "<b>", "&x;", "../../x", "{0}", "%s", "é", "𠮷", "\ufeff", "\u202e",
    "长" * 5000, "a" * 300, "\n", "null", "\\", "\x7f", "[", "@", ",,,,", "坐标系", "EPSG:0", "EPSG:4610",
    "EPSG:99999999",
)  # fmt: skip
BYTES = (b"\x00", b"\xff", b"\x80", b"\x7f", b"\xfe", b"\x01", b"\x20", b",", b"\n", b'"', b"\x00" * 64, b"\xff" * 64)
WIDE = tuple(
    struct.pack(code, value)
    for order in "<>"
    for code, value in (
        *((order + "i", n) for n in (0, -1, 1, 2**31 - 1, -(2**31), 65536, 2**28)),
        *((order + "d", x) for x in (float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 5e-324, 0.0, 1e18)),
    )
)
ENCODINGS = (
    "gb18030",
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "big5",
    "shift_jis",
    "cp037",
)

Change = Callable[[bytes, Random], bytes]


# --- bytes ----------------------------------------------------------------------------------------------------


def _span(data: bytes, chance: Random, most: int = 200) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.randint(1, most))


def flip(data: bytes, chance: Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 40))):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def header(data: bytes, chance: Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        out[chance.randrange(min(len(out), 128))] = chance.randrange(256)
    return bytes(out)


def cut(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data))] if chance.random() < 0.7 else data[chance.randrange(len(data)) :]


def delete(data: bytes, chance: Random) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + data[end:]


def insert(data: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    new = chance.choice((*BYTES, chance.randbytes(chance.randint(1, 64))))
    return data[:start] + new + data[start:]


def overwrite(data: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(data)) // 4 * 4
    new = chance.choice(WIDE)
    return data[:start] + new + data[start + len(new) :]


def duplicate(data: bytes, chance: Random) -> bytes:
    start, end = _span(data, chance, 4000)
    return data[:end] + data[start:end] * chance.choice((1, 1, 2, 50)) + data[end:]


def swap(data: bytes, chance: Random) -> bytes:
    a, b = _span(data, chance)
    c, d = _span(data, chance)
    a, b, c, d = sorted((a, b, c, d))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


ANY: tuple[Change, ...] = (flip, flip, header, cut, delete, insert, overwrite, overwrite, duplicate, swap)


# --- text -----------------------------------------------------------------------------------------------------


def _text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _replace_one(pattern: str, values: tuple[str, ...]) -> Change:
    compiled = re.compile(pattern)

    def change(data: bytes, chance: Random) -> bytes:
        text = _text(data)
        found = list(compiled.finditer(text))
        for match in chance.sample(found, min(len(found), chance.choice((1, 1, 3)))):
            text = text[: match.start()] + chance.choice(values) + text[match.end() :]
        return _back(text)

    return change


def _back(text: str, encoding: str = "utf-8") -> bytes:
    return text.encode(encoding, "replace")


def _lines(data: bytes, chance: Random) -> bytes:
    """Delete, repeat or exchange lines."""
    lines = _text(data).splitlines(keepends=True) or [""]
    a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
    how = chance.randrange(4)
    if how == 0:
        del lines[a]
    elif how == 1:
        lines[a:a] = [lines[b]] * chance.choice((1, 2, 30))
    elif how == 2:
        lines[a], lines[b] = lines[b], lines[a]
    else:
        lines[a] = lines[a].strip("\r\n")
    return _back("".join(lines))


def _cells(data: bytes, chance: Random) -> bytes:
    """Exchange, drop or add the fields of a line."""
    lines = _text(data).split("\n")
    line = chance.randrange(len(lines))
    cells = lines[line].split(",")
    a, b = chance.randrange(len(cells)), chance.randrange(len(cells))
    how = chance.randrange(3)
    if how == 0:
        cells[a], cells[b] = cells[b], cells[a]
    elif how == 1:
        del cells[a]
    else:
        cells.insert(a, chance.choice(WORDS))
    lines[line] = ",".join(cells)
    return _back("\n".join(lines))


def _recode(data: bytes, chance: Random) -> bytes:
    return _back(_text(data), chance.choice(ENCODINGS))


TEXT: tuple[Change, ...] = (
    _replace_one(r"[-+]?\d[\d.]*", NUMBERS), _replace_one(r"[-+]?\d[\d.]*", NUMBERS), _replace_one(r"\w+", WORDS),
    _replace_one(r"[^\w\s]", WORDS), _lines, _cells, _recode,
)  # fmt: skip


# --- structures -----------------------------------------------------------------------------------------------

NODES: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, 10**400, "", "x", [], {}, [None], [[[[[]]]]], {"type": "Polygon"}, "NaN", [[0, 0]] * 3,
    {"type": "Point", "coordinates": []}, {"type": "GeometryCollection", "geometries": [None]}, [1e999, float("nan")],
)  # fmt: skip


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Return (container, key) of everything in a JSON value, however deep."""
    places, todo = [], [tree]
    while todo:
        node = todo.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        places += [(node, key) for key in keys]
        todo += [node[key] for key in keys]
    return places


def _copy(node: Any) -> Any:
    return json.loads(json.dumps(node))


def change_node(tree: Any, chance: Random) -> None:
    """Replace, remove, wrap, repeat or exchange a value of a JSON tree."""
    places = _places(tree)
    if not places:
        return
    (container, key), (other, beside) = chance.choice(places), chance.choice(places)
    how = chance.randrange(5)
    if how == 0:
        del container[key]
    elif how == 1:
        container[key] = [container[key]]
    elif how == 2 and isinstance(container, list):
        container[key:key] = [_copy(container[key]) for _ in range(chance.choice((1, 20)))]
    elif how == 3:
        container[key] = _copy(other[beside])
    else:  # a copy, or the next change would alter the choices of all mutants to come
        container[key] = _copy(chance.choice(NODES))


def _json(data: bytes, chance: Random) -> bytes:
    try:
        tree = json.loads(data)
        for _ in range(chance.choice((1, 1, 3))):
            change_node(tree, chance)
        return json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):  # no JSON any more, or deeper than Python counts
        return flip(data, chance)


def _deep(data: bytes, chance: Random) -> bytes:
    """Nest one bracket without end."""
    at = [n for n, byte in enumerate(data) if byte in b"[{<"] or [0]
    start = chance.choice(at)
    return data[:start] + data[start : start + 1] * chance.choice((100, 5000, 100_000)) + data[start:]


def _members(data: bytes, chance: Random) -> bytes:
    """Damage, drop, rename or repeat a member of a zip, and pack it again."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = [(name, archive.read(name)) for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, EOFError, zlib.error):  # encrypted: RuntimeError
        return flip(data, chance)
    if not parts:
        return data
    chosen = chance.randrange(len(parts))
    name, content = parts[chosen]
    how = chance.randrange(12)
    if how == 0:
        del parts[chosen]
    elif how == 1:
        parts[chosen] = (
            chance.choice(("../" + name, name.upper(), "a/" + name, "长" * 90, "x", "CON", name + "\x00")),
            content,
        )
    else:
        textual = name.endswith((".xml", ".rels", ".prj", ".cpg"))
        parts[chosen] = (name, mutate(content, chance, TEXT + ANY if textual else ANY) if content else b"\xff")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, part in parts:
            archive.writestr(zipfile.ZipInfo(member), part, compresslevel=1)
    return packed.getvalue()


def _table(data: bytes, chance: Random) -> bytes:
    """Write a foreign value into a GeoPackage, or damage one of its geometries."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(data)
        connection.execute("PRAGMA writable_schema = ON")
        tables = ["DK", "DK", "gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys", "sqlite_master"]
        table = chance.choice(tables)
        cursor = connection.execute(f'SELECT rowid, * FROM "{table}"')
        rows = cursor.fetchall()
        column = chance.randrange(1, len(cursor.description))
        row = chance.choice(rows)
        old = row[column]
        wild = (None, -1, 2**62, 1e308, float("inf"), "x", *WORDS, *BYTES)
        new = mutate(old, chance, ANY) if isinstance(old, bytes) and old else chance.choice(wild)
        connection.execute(f'UPDATE "{table}" SET "{cursor.description[column][0]}" = ? WHERE rowid = ?', (new, row[0]))
        connection.commit()
        return connection.serialize()
    except (sqlite3.Error, IndexError, ValueError, OverflowError):
        return overwrite(data, chance)
    finally:
        connection.close()


def _columns(data: bytes, chance: Random) -> bytes:
    """Damage the geometries or the metadata of a GeoParquet file, and write it again."""
    try:
        table = pq.read_table(io.BytesIO(data))
        meta = dict(table.schema.metadata or {})
        if chance.random() < 0.5:
            geo = json.loads(meta[b"geo"])
            change_node(geo, chance)
            table = table.replace_schema_metadata(meta | {b"geo": json.dumps(geo).encode()})
        else:
            at = table.column_names.index("geometry")
            values = [
                mutate(v, chance, ANY) if v and chance.random() < 0.6 else v for v in table.column(at).to_pylist()
            ]
            table = table.set_column(at, "geometry", pa.array(values, pa.binary())).replace_schema_metadata(meta)
        packed = io.BytesIO()
        pq.write_table(table, packed)
        return packed.getvalue()
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError):
        return overwrite(data, chance)


OF_FORMAT: dict[str, tuple[Change, ...]] = {
    "txt": ANY + TEXT * 3, "csv": ANY + TEXT * 3, "kml": ANY + TEXT * 3 + (_deep,),
    "geojson": ANY + TEXT + (_json,) * 20 + (_deep,), "shp": (flip, cut, insert, header) + (_members,) * 16,
    "xlsx": (flip, cut, insert, header) + (_members,) * 16, "gpkg": ANY + (_table,) * 10,
    "parquet": ANY + (_columns,) * 10,
}  # fmt: skip


def mutate(data: bytes, chance: Random, changes: tuple[Change, ...]) -> bytes:
    """Apply one to four of the changes."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        data = chance.choice(changes)(data, chance) if data else b"\x00"
    return data
