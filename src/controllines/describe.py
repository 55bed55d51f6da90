"""What is this file? (文件说明): layer by layer, as the reading rooms see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import shapely

from controllines import io
from controllines.clean import clean
from controllines.crs import crs_name, plane_of, recognise, to_lonlat, zone_of
from controllines.errors import CRSError
from controllines.findings import Finding
from controllines.kinds import Kind, kind_of_table, parcel_kind
from controllines.layers import Reading, extent_of, lay, part
from controllines.schema import with_schema

#: Findings of one code that are printed for one layer; the rest is counted.
SHOWN = 5


def describe(path: Path | str) -> Iterator[str]:
    """Yield Chinese lines: format, layers, kinds, CRS and how it was found, encoding, counts, extent, zone, findings.

    A layer is checked as ``check`` would: one with an official table name as a layer of that kind, any other as
    applications (申请地块).

    Raises
    ------
    InputError
        The file cannot be read.
    """
    sources = io.read(path)
    shown = io.address(path) if io.is_address(path) else path  # without the password
    yield f"{shown}  {sources[0].driver if sources else ''}  {len(sources)} 个图层"
    for source in sources:
        yield from _layer(source)


def _layer(source: io.Source) -> Iterator[str]:
    kind = kind_of_table(source.layer or io.stem(Path(source.path)))
    yield f"图层 {source.layer or '（单一图层）'}" + (f"：{kind.zh}（{kind.key}）" if kind else "")
    status, findings = _checked(source, kind or parcel_kind())
    empty = int(shapely.is_missing(source.geoms).sum())
    types = sorted({geom.geom_type for geom in source.geoms if geom is not None})
    left, mended = int((status == "excluded").sum()), int((status == "repaired").sum())
    yield f"  要素 {len(status)} = 可用 {len(status) - left} + 排除 {left}（无几何 {empty}，修复 {mended}）"
    yield f"  几何类型 {'、'.join(types) or '无'}"
    yield f"  字段 {'、'.join(map(str, source.frame.columns))}"
    if source.encoding:
        yield f"  文字编码 {source.encoding}"
    yield f"  坐标系 {crs_name(source.crs)[:60] if source.crs else '没有'}（{source.crs_found}）"
    yield from _place(source)
    yield f"  SHA-256 {source.sha256}"
    yield from _told(findings)


def _checked(source: io.Source, kind: Kind) -> tuple[np.ndarray, tuple[Finding, ...]]:
    """Return what becomes of each feature, and all that is found; without a usable CRS of the geometry alone."""
    try:
        layer = part(kind, source, Reading())
    except CRSError as error:
        rows = np.array([f"row:{n}" for n in range(1, len(source.geoms) + 1)], dtype=object)
        cleaned = clean(source.geoms, rows, source=source.path, layer=source.layer)
        return cleaned.status, (*source.findings, error.finding, *cleaned.findings)
    bounds = extent_of(layer)
    if bounds is not None:
        layer = with_schema(lay(layer, plane_of(bounds)))
    return layer.frame["status"].to_numpy(object), layer.findings


def _told(findings: Iterable[Finding]) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for item in findings:
        counts[item.code] += 1
        if counts[item.code] <= SHOWN:
            yield f"  [{item.severity}] {item}"
    for code, n in counts.items():
        if n > SHOWN:
            yield f"  {code} 另有 {n - SHOWN} 条，共 {n} 条"


def _place(source: io.Source) -> Iterator[str]:
    given = source.geoms[~shapely.is_missing(source.geoms)]
    if not len(given):
        return
    bounds = shapely.total_bounds(given)
    if not np.isfinite(bounds).all():
        return
    yield "  范围 x {:.3f}…{:.3f}，y {:.3f}…{:.3f}".format(*bounds[[0, 2, 1, 3]])
    if source.crs is None:
        return
    try:
        declared = "parameters" if source.parameters else None
        crs = recognise(source.crs, datum=declared, source=source.path, layer=source.layer)
    except CRSError:  # told among the findings
        return
    lon = to_lonlat(crs, bounds.reshape(2, 2))[:, 0]
    zones = sorted(set(zone_of(lon).tolist()))
    within = 24 <= zones[0] <= zones[-1] <= 45
    told = f"3°带带号 {'—'.join(map(str, zones))}" if within else "不全在 3°带 24—45 带之内"
    yield f"  经度 {lon.min():.5f}…{lon.max():.5f}，{told}"
