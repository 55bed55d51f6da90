"""Random parcels, and how offices write them: every dialect and encoding, made here and not by the package's writer."""

from __future__ import annotations

from dataclasses import dataclass

import shapely
from hypothesis import strategies as st

Ring = list[tuple[int, int]]  # millimetres from the corner of the zone
NORTH = 4_405_000_000
FULL_WIDTH = str.maketrans({",": "，", ".": "．", "=": "＝", "@": "＠"})


@dataclass(frozen=True)
class Dialect:
    """How one program writes: see the list of variations in the description of the format."""

    points: str = "J{n},{ring},{x},{y}"
    head: str = "{count},{area},{id},{name},{kind},J44G006009,{use},{code},@"
    zone: int = 26
    degrees: int = 3
    prefix: bool = True
    header_zone: bool = True
    degrees_text: str = "{}"
    swapped: bool = False
    count: str = "all"
    area: str = "{ha:.4f}"
    precision: str = "0.001"
    rings: str = "through"
    closed: bool = True
    end: str = "\r\n"
    before: str = ""
    spaced: bool = False
    wide: bool = False
    encoding: str = "gbk"


@dataclass(frozen=True)
class Plot:
    """A parcel: its parts, each a shell and its holes, and its attributes."""

    parts: list[tuple[Ring, list[Ring]]]
    id: str
    name: str
    use: str

    @property
    def rings(self) -> list[Ring]:
        return [ring for shell, holes in self.parts for ring in (shell, *holes)]

    def geometry(self, east: int) -> shapely.MultiPolygon:
        def metres(ring: Ring) -> list[tuple[float, float]]:
            return [((east + x) / 1000, (NORTH + y) / 1000) for x, y in ring]

        return shapely.MultiPolygon([(metres(shell), list(map(metres, holes))) for shell, holes in self.parts])


def text_of(plots: list[Plot], dialect: Dialect) -> str:
    header = {"格式版本号": "1.01版本", "数据产生单位": "某某测绘院", "坐标系": "2000国家大地坐标系",
              "几度分带": dialect.degrees_text.format(dialect.degrees), "投影类型": "高斯克吕格", "计量单位": "米",
              "带号": str(dialect.zone) if dialect.header_zone else "", "精度": dialect.precision,
              "转换参数": ",,,,,,"}  # fmt: skip
    lines = [*dialect.before.splitlines(), "[属性描述]"]
    lines += [f" {' '.join(key)} = {value}" if dialect.spaced else f"{key}={value}" for key, value in header.items()]
    lines.append("[地块坐标]")
    for number, plot in enumerate(plots, start=1):
        lines += ["", *_plot(plot, number, dialect)] if "{seq}" in dialect.points else _plot(plot, number, dialect)
    text = dialect.end.join(lines) + dialect.end
    return text.translate(FULL_WIDTH) if dialect.wide else text


def _plot(plot: Plot, number: int, dialect: Dialect) -> list[str]:
    rows, seq = [], 0
    for ring, corners in enumerate(plot.rings, start=1):
        closed = [*corners, corners[0]] if dialect.closed else corners
        for k, (east, north) in enumerate(closed, start=1):
            seq += 1
            y = dialect.zone * dialect.prefix * 1_000_000_000 + 500_000_000 + east
            xy = [f"{v // 1000}.{v % 1000:03d}" for v in (NORTH + north, y)]
            x, y_ = reversed(xy) if dialect.swapped else xy
            ring_ = 1 if dialect.rings == "one" else ring
            rows.append(dialect.points.format(n=k, ring=ring_, x=x, y=y_, seq=seq, feature=number))
    distinct = sum(map(len, plot.rings))
    count = {"all": len(rows), "minus one": len(rows) - 1, "distinct": distinct, "empty": ""}[dialect.count]
    m2 = plot.geometry(0).area
    area = dialect.area.format(ha=m2 / 10_000, m2=m2)
    head = dialect.head.format(count=count, area=area, id=plot.id, name=plot.name, kind="面", use=plot.use, code="0601")
    return [head, *rows]


@st.composite
def plots(draw: st.DrawFn, number: int) -> Plot:
    """Cells of a grid: a quadrilateral, with a hole, with an island in the hole, with a second hole."""
    parts = []
    for cell in draw(st.lists(st.integers(0, 15), min_size=1, max_size=3, unique=True)):
        at = (1_000_000 * (cell // 4), 1_000_000 * (cell % 4))
        jitter = draw(st.lists(st.integers(0, 40_000), min_size=8, max_size=8))
        square = [(0, 0), (0, 900_000), (900_000, 900_000), (900_000, 0)]
        shell = [(x + jitter[2 * k], y + jitter[2 * k + 1]) for k, (x, y) in enumerate(square)]
        inside, low = draw(st.integers(0, 3)), 150_000 + draw(st.integers(0, 50_000))
        holes = [_square(low, 500_000)] if inside else []
        holes += [[(600_000, 600_000), (800_000, 700_000), (700_000, 800_000)]] if inside == 3 else []
        parts.append((_turned(draw, shell, at), [_turned(draw, hole, at) for hole in holes]))
        if inside >= 2:
            parts.append((_turned(draw, _square(low + 80_000, 420_000), at), []))
    return Plot(draw(st.permutations(parts)), f"DK-{number}", draw(_texts), draw(_texts))


def _square(low: int, high: int) -> Ring:
    return [(low, low), (high, low), (high, high), (low, high)]


def _turned(draw: st.DrawFn, ring: Ring, at: tuple[int, int]) -> Ring:
    """Put it in its place; start anywhere, go either way."""
    start, back = draw(st.integers(0, len(ring) - 1)), draw(st.booleans())
    turned = [(x + at[0], y + at[1]) for x, y in (*ring[start:], *ring[:start])]
    return turned[::-1] if back else turned


_texts = st.text(alphabet="巴楚县工业园区甲乙丙（一期）1ab-—·", min_size=1, max_size=8).map(str.strip).filter(bool)

HEADS = [
    Dialect.head, "{count},{area},{id},{name},{kind},,{use},@", "{count},{area},{id},{name},{kind},,{use},地上,@",
    "{count},{area},{id},{name},{kind},J44,{use},{code},图斑,水浇地,9,8,备注,@",
]  # fmt: skip
POINTS = [
    Dialect.points, "{n},{ring},{x},{y}", "J{n:02d},{ring},{x},{y}", " J{n} , {ring} , {x} , {y} ",
    "J{n},{x},{y},,{ring},", "J{n},{x},{y},,{ring}", "{seq},{feature},{ring},J{n},{x},{y}", "J{n},{x},{y}",
]  # fmt: skip


@st.composite
def dialects(draw: st.DrawFn) -> Dialect:
    points = draw(st.sampled_from(POINTS))
    closed = draw(st.booleans()) or "{ring}" not in points  # without numbers only closing tells rings apart
    prefix = draw(st.booleans())
    degrees = draw(st.sampled_from([3, 3, 6]))
    return Dialect(
        points=points,
        head=draw(st.sampled_from(HEADS)),
        zone=draw(st.sampled_from([24, 25, 26, 27, 30, 45] if degrees == 3 else [13, 14, 23])),
        degrees=degrees,
        prefix=prefix,
        header_zone=draw(st.booleans()) or not prefix,
        degrees_text=draw(st.sampled_from(["{}", "{}度带", "{} 度分带"])),
        swapped=draw(st.booleans()),
        count=draw(st.sampled_from(["all", "minus one", "distinct", "empty"])),
        area=draw(st.sampled_from(["{ha:.4f}", "{ha:.4f}公顷", "{m2:.2f}", "{m2:.2f}平方米", ""])),
        precision=draw(st.sampled_from(["0.001", "3", ""])),
        rings=draw(st.sampled_from(["through", "one"])) if closed else "through",
        closed=closed,
        end=draw(st.sampled_from(["\r\n", "\n", "\r"])),
        before=draw(st.sampled_from(["", "[项目信息]\n项目编号=P-1\n项目名称=某某项目\n"])),
        spaced=draw(st.booleans()),
        wide=draw(st.booleans()),
        encoding=draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "gbk", "gb18030"])),
    )


def normal(geometry: object) -> list[bytes]:
    """Rings without their start, direction and order: two geometries with the same vertices give the same."""
    parts = shapely.get_parts(shapely.normalize(geometry))
    return sorted(shapely.to_wkb(part) for part in parts)
