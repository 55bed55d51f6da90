"""Survey files (勘测定界界址点坐标交换格式 TXT): text, header and rings.

Accepts what offices really write. Point counts and areas in the file are never used to read it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from controllines.errors import InputError

_FULL_WIDTH = str.maketrans("，．＝＠：；［］－＋　０１２３４５６７８９", ",.=@:;[]-+ 0123456789")
_NUMBER = re.compile(r"-?\d+(\.\d*)?([eE][+-]?\d{1,2})?")
GEOMETRIES = ("面", "线", "点")
HEADER, PARCELS, PARAMETERS = "属性描述", "地块坐标", "转换参数"
#: Fields of a head behind 地类编码 in files of 高标准农田, 补充耕地 (13 in all).
EXTRA = ("图斑类型", "地类", "改造前质量等别", "改造后质量等别", "备注")


@dataclass(frozen=True)
class Point:
    """One boundary point (界址点): line in the file, ring (圈号), and two coordinates in the order of the file."""

    line: int
    ring: str
    first: float
    second: float


@dataclass(frozen=True)
class Parcel:
    """One parcel (地块): the fields of its head and its points; its number (要素号) where it has no head."""

    line: int
    head: tuple[str, ...]
    points: list[Point] = field(default_factory=list)
    serial: str | None = None


@dataclass(frozen=True)
class Document:
    """A parsed file: ``[属性描述]``, all other sections, and the parcels."""

    header: dict[str, str]
    project: dict[str, str]
    parcels: list[Parcel]


def decode(data: bytes, path: Path) -> tuple[str, str]:
    """Return the text and the name of its encoding.

    The byte order mark decides, else strict UTF-8, else GB18030 (GBK is part of it).

    Raises
    ------
    InputError
        ``TEXT_UNREADABLE`` if none fits.
    """
    marks = {b"\xef\xbb\xbf": "UTF-8-SIG", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
    marked = next((name for mark, name in marks.items() if data.startswith(mark)), None)
    bare = {b"[\0": "UTF-16LE", b"\0[": "UTF-16BE"}.get(data[:2])
    for name in [marked or bare] if marked or bare else ["UTF-8", "GB18030"]:
        try:
            text = data.decode(str(name))
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, _precise(str(name), data)
    raise InputError.of("TEXT_UNREADABLE", source=path)


def _precise(name: str, data: bytes) -> str:
    return ("UTF-16LE" if data[0] == 0xFF else "UTF-16BE") if name == "UTF-16" else name


def parse(text: str, path: Path) -> Document:
    """Read the whole text.

    Raises
    ------
    InputError
        ``TXT_SYNTAX`` with the line, ``TXT_NOT_SURVEY`` or ``FILE_EMPTY``; never half a file.
    """
    document = Document({}, {}, [])
    section, layout = "", ""
    for number, line in _lines(text):
        if named := re.fullmatch(r"[\[［【](.+)[\]］】]", line):
            section = _bare(named[1])
        elif section != PARCELS:
            _entry(document, section, line, _Place(path, number))
        elif line.rstrip(", ，").endswith(("@", "＠")):
            document.parcels.append(Parcel(number, head(line, _Place(path, number))))
        else:
            layout = _point(document, line, layout, _Place(path, number))
    _complete(document, path)
    return document


def _lines(text: str) -> Iterator[tuple[int, str]]:
    # Not splitlines(): it also breaks at \x0b, \x1c or U+2028, which would shift the line numbers of an editor.
    for number, raw in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        line = raw.strip("\ufeff \t\u3000\x1a")
        if line:
            yield number, line


@dataclass(frozen=True)
class _Place:
    path: Path
    number: int

    def error(self, line: str, why: str) -> InputError:
        if PARAMETERS in _bare(line):
            line = f"{PARAMETERS}（略）"  # conversion parameters are secret: no message shows them
        return InputError.of("TXT_SYNTAX", source=self.path, line=self.number, actual=line[:120], why=why)


def _entry(document: Document, section: str, line: str, place: _Place) -> None:
    if not section:
        raise InputError.of("TXT_NOT_SURVEY", source=place.path)
    key, equals, value = (line if "=" in line else line.replace("＝", "=", 1)).partition("=")
    if not equals:
        # It may be the rest of conversion parameters that were broken over two lines.
        raise place.error(re.sub(r"[0-9０-９]", "*", line), "应为“名称=值”")
    key, value = _bare(key), value.strip()
    target = document.header if section == HEADER or key == PARAMETERS else document.project
    if target is document.header and target.get(key, value) != value:
        raise place.error(line, f"与前面的“{key}”不一致")
    target[key] = value


def _bare(name: str) -> str:
    return re.sub(r"\s+", "", name)


def head(line: str, place: _Place) -> tuple[str, ...]:
    """Return the fields of a head: 点数, 面积, 地块编号, 地块名称, 图形属性, 图幅号, 地块用途, 地类编码 and more."""
    bare = line.rstrip(" ,，").rstrip("@＠ ")
    cells = _cells(bare) if bare.count(",") >= 5 else _cells(bare.translate(_FULL_WIDTH))
    kind = next((k for k in range(4, len(cells)) if cells[k] in GEOMETRIES), None)
    if kind is None:
        raise place.error(line, "地块头没有图形属性（面、线、点）")
    # A comma inside the parcel's name moves everything behind it.
    fields = [*cells[:3], ",".join(cells[3:kind]), *cells[kind:]]
    return tuple(fields + [""] * (8 - len(fields)))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.removesuffix(",").split(",")]


def _point(document: Document, line: str, layout: str, place: _Place) -> str:
    cells = [cell.strip() for cell in line.translate(_FULL_WIDTH).split(",")]
    named = _layout(cells)
    if named == "serial":
        _start(document, cells[1], place)
    if not document.parcels:
        raise place.error(line, "界址点之前没有地块头")
    if named is None or (layout and named != layout):
        raise place.error(line, "应为“点号,圈号,X坐标,Y坐标”")
    ring, *xy = _PICK[named](cells)
    if not ring or not all(_NUMBER.fullmatch(value) for value in xy):
        raise place.error(line, "圈号或坐标不是数字")
    first, second = map(float, xy)
    if not (math.isfinite(first) and math.isfinite(second)):
        raise place.error(line, "坐标超出范围")
    document.parcels[-1].points.append(Point(place.number, ring, first, second))
    return named


def _start(document: Document, serial: str, place: _Place) -> None:
    """Start a parcel where the number of the feature (要素号) changes in a file without heads."""
    last = document.parcels[-1] if document.parcels else None
    if last is None or last.serial not in (None, serial):
        head_ = ("", "", serial, "", "面", "", "", "")
        document.parcels.append(Parcel(place.number, head_, serial=serial))


_PICK: dict[str, Callable[[list[str]], list[str]]] = {
    "plain": lambda cells: cells[1:4],  # 点号,圈号,X,Y
    "three": lambda cells: ["1", *cells[1:3]],  # 点号,X,Y
    "balance": lambda cells: [cells[4], *cells[1:3]],  # 增减挂：点号,X,Y,,圈号,
    "serial": lambda cells: ["/".join(cells[1:3]), *cells[4:6]],  # 序号,要素号,圈号,点号,X,Y
}


def _layout(cells: list[str]) -> str | None:
    """Return which of the known orders a point line has; one file keeps to one order."""
    while len(cells) > 4 and not cells[-1] and not (len(cells) == 6 and not cells[3]):
        cells = cells[:-1]
    if len(cells) == 6:
        return "balance" if not cells[3] and not cells[5] else "serial" if cells[3] else None
    if len(cells) == 5 and not cells[3]:
        return "balance"
    return {4: "plain", 3: "three"}.get(len(cells))


def _complete(document: Document, path: Path) -> None:
    if not document.header and not document.parcels:
        raise InputError.of("TXT_NOT_SURVEY", source=path)
    if not document.parcels:
        raise InputError.of("FILE_EMPTY", source=path)
    for parcel in document.parcels:
        if not parcel.points:
            raise _Place(path, parcel.line).error(",".join(parcel.head), "地块头之后没有界址点")


def parameters(text: str | None) -> tuple[float, ...] | None:
    """Return the conversion parameters (转换参数) of the header as they stand there, None if they are not seven."""
    cells = [cell for cell in re.split(r"[,;\s]+", (text or "").translate(_FULL_WIDTH)) if cell]
    if len(cells) != 7 or not all(_NUMBER.fullmatch(cell) for cell in cells):
        return None
    return tuple(map(float, cells))


def has_unit(text: str) -> bool:
    """Tell whether a unit stands behind a declared area."""
    return bool(re.search(r"[^\d.\s]", text.translate(_FULL_WIDTH)))


def area_m2(text: str) -> float:
    """Return a declared area in m² (公顷 unless a unit stands behind the number); NaN if there is none."""
    found = re.fullmatch(
        r"(\d+(?:\.\d*)?|\.\d+)\s*(公顷|hm2|hm²|ha|平方米|㎡|m2|m²|亩)?", text.translate(_FULL_WIDTH).strip()
    )
    if not found:
        return math.nan
    unit = found[2] or "公顷"
    if unit == "亩":
        return float(found[1]) * 2000 / 3
    # Decimal: 1.2247 公顷 is 12247 m², not 12246.999999999998.
    return float(Decimal(found[1]) * (1 if unit in ("平方米", "㎡", "m2", "m²") else 10_000))


def resolution_m(text: str | None) -> float | None:
    """Return 精度 in metres: "0.001" says metres, "3" says decimals."""
    found = re.fullmatch(r"(\d*\.?\d+)\s*(米|m|位)?", (text or "").translate(_FULL_WIDTH).strip())
    if not found:
        return None
    value = float(found[1])
    if "." not in found[1] and found[2] in (None, "位"):
        return float(10.0**-value) if 1 <= value <= 9 else None
    return value if 0 < value <= 1 else None
