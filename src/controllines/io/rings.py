"""Which rings are land (外圈) and which are holes (内圈): shapefile and gdb say it by the direction of each ring alone.

GDAL sorts such rings by what lies in what: a hole outside its shell comes back as land, and of a file that was written
the wrong way round the holes are filled. It keeps the directions, so that its answer can be compared with the rule.
"""

from __future__ import annotations

import numpy as np
import shapely

from controllines.crs import LARGEST

Array = np.ndarray
_POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


@np.errstate(all="ignore")  # coordinates that are no numbers, or of no place on the earth, are found later, by feature
def by_direction(geoms: Array) -> tuple[Array, dict[int, Array]]:
    """Sort the rings of polygons anew where GDAL contradicts their directions, or a hole leaves the box of its shell.

    Land goes clockwise and holes the other way, or the reverse for a whole feature whose rings go around more land
    that way: holes are smaller than what they are in. A hole belongs to the smallest shell around it, else to every
    shell that it cuts; one outside all shells stays with the first, where the repair finds it.

    Parameters
    ----------
    geoms : geometries as GDAL gives them; not written to

    Returns
    -------
    geoms : the same with the rings of some sorted anew
    stray : row → a corner of each hole that meets no land of its feature
    """
    rows = np.flatnonzero(np.isin(shapely.get_type_id(geoms), _POLYGONAL))
    parts, owner = shapely.get_parts(geoms[rows], return_index=True)
    several = np.bincount(owner, 1 + shapely.get_num_interior_rings(parts), len(rows))[owner] > 1
    rings, part = shapely.get_rings(parts[several], return_index=True)
    feature = rows[owner[several]][part]
    size, box = shapely.area(shapely.polygons(rings)), shapely.bounds(rings)
    sane = np.isfinite(size) & (np.abs(box) <= LARGEST).all(axis=1)
    turning = np.where(sane, size, np.nan)
    turning[sane] *= np.where(shapely.is_ccw(rings[sane]), -1, 1)
    total = np.bincount(feature, turning, len(geoms))[feature]  # NaN where one ring is: such features are left alone
    land = turning * np.where(total < 0, -1, 1) > 0
    first = np.diff(part, prepend=-1) != 0
    around = box[np.maximum.accumulate(np.where(first, np.arange(len(rings)), 0))]
    beyond = ((box[:, :2] < around[:, :2]) | (box[:, 2:] > around[:, 2:])).any(axis=1)
    again = np.isin(feature, feature[((land != first) | beyond) & (size > 0) & np.isfinite(total)])
    return _sorted(geoms, rings[again], feature=feature[again], land=land[again])


def _sorted(geoms: Array, rings: Array, *, feature: Array, land: Array) -> tuple[Array, dict[int, Array]]:
    """Build the features of these rings anew from their land and their holes."""
    out = np.array(geoms, dtype=object)
    if not len(rings):
        return out, {}
    shells, holes = rings[land], rings[~land]
    hole, shell, stray = _owners(shells, holes, of_shell=feature[land], of_hole=feature[~land])
    order = np.argsort(shell, kind="stable")
    inner = np.split(holes[hole[order]], np.searchsorted(shell[order], np.arange(1, len(shells))))
    polygons = [shapely.Polygon(outer, list(within)) for outer, within in zip(shells, inner, strict=True)]
    changed, index = np.unique(feature[land], return_inverse=True)
    out[changed] = shapely.multipolygons(polygons, indices=index)
    lost = feature[~land][stray]
    corners = shapely.get_coordinates(shapely.get_point(holes[stray], 0))
    return out, {int(row): corners[lost == row] for row in np.unique(lost)}


def _owners(shells: Array, holes: Array, *, of_shell: Array, of_hole: Array) -> tuple[Array, Array, Array]:
    """Return hole and shell of every pair that belongs together, and the holes outside all shells."""
    outer, inner = _faces(shells), _faces(holes)
    hole, shell = shapely.STRtree(outer).query(inner)
    own = of_hole[hole] == of_shell[shell]
    hole, shell = hole[own], shell[own]
    shapely.prepare(outer)
    around = shapely.covers(outer[shell], inner[hole])
    meets = around | (shapely.intersects(outer[shell], inner[hole]) & ~shapely.touches(outer[shell], inner[hole]))
    inside = np.zeros(len(holes), bool)
    inside[hole[around]] = True
    hole, shell, around = hole[meets], shell[meets], around[meets]
    smallest = np.lexsort((shapely.area(outer[shell]), ~around, hole))
    hole, shell = hole[smallest], shell[smallest]
    leading = np.diff(hole, prepend=-1) != 0
    keep = leading | ~inside[hole]
    stray = np.setdiff1d(np.flatnonzero(shapely.area(inner) > 0), hole)
    alone = np.setdiff1d(np.arange(len(holes)), hole)
    nearest = np.searchsorted(of_shell, of_hole[alone])
    return np.concatenate([hole[keep], alone]), np.concatenate([shell[keep], nearest]), stray


def _faces(rings: Array) -> Array:
    faces = np.asarray(shapely.polygons(rings), dtype=object)
    broken = ~shapely.is_valid(faces)
    faces[broken] = shapely.make_valid(faces[broken])
    return faces
