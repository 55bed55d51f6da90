"""What is this file? (文件说明): layer by layer, as the reading rooms see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely

from controllines import io
from controllines.crs import crs_name, recognise, to_lonlat, zone_of
from controllines.errors import CRSError
from controllines.kinds import kind_of_table


def describe(path: Path | str) -> Iterator[str]:
    """Yield Chinese lines: format, layers, kinds, CRS and how it was found, encoding, counts, extent, zone, findings.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    sources = io.read(path)
    yield f"{path}  {sources[0].driver if sources else ''}  {len(sources)} 个图层"
    for source in sources:
        yield from _layer(source)


def _layer(source: io.Source) -> Iterator[str]:
    kind = kind_of_table(source.layer or "")
    yield f"图层 {source.layer or '（单一图层）'}" + (f"：{kind.zh}（{kind.key}）" if kind else "")
    empty = int(shapely.is_missing(source.geoms).sum())
    types = sorted({geom.geom_type for geom in source.geoms if geom is not None})
    yield f"  要素 {len(source.frame)}（无几何 {empty}），几何类型 {'、'.join(types) or '无'}"
    yield f"  字段 {'、'.join(map(str, source.frame.columns))}"
    if source.encoding:
        yield f"  文字编码 {source.encoding}"
    yield f"  坐标系 {crs_name(source.crs)[:60] if source.crs else '没有'}（{source.crs_found}）"
    yield from _place(source)
    yield f"  SHA-256 {source.sha256}"
    for item in source.findings:
        yield f"  [{item.severity}] {item}"


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
    except CRSError as error:
        yield f"  [error] {error}"
        return
    lon = to_lonlat(crs, bounds.reshape(2, 2))[:, 0]
    zones = sorted(set(zone_of(lon).tolist()))
    yield f"  经度 {lon.min():.5f}…{lon.max():.5f}，3°带带号 {'—'.join(map(str, zones))}"
