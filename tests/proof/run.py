"""Long run of the overlay against exact arithmetic: ``python -m tests.proof.run --count 1000000`` (``make proof``).

Pair ``n`` of a seed is always the same. After every chunk the record is written as a whole; a run that was stopped goes
on from there and ends with the same record. A record belongs to one state of the engine and its libraries: with another
one it begins again under ``--restart`` only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from controllines import overlay
from controllines.tiles import Tiles, arranged, tiles_of
from tests.proof.pairs import CHUNK, FAMILIES, ORIGINS, Pair, pair
from tests.property.exact import Areas, Ratio, areas_of_rings, box_area, minus, rings_of, rounded

Array = np.ndarray

#: m² up to 100 ha; above, a share of the area.
TOLERANCE_M2, HECTARES_100_M2, TOLERANCE_SHARE = 1e-4, 1e6, 1e-9
#: A frame around both polygons is left and the two are features of one layer: it stands off by a rough number (m).
FRAME_M = 7.3205
#: No tile has more vertices.
SMALL_TILE = 12
#: Modules that a record belongs to.
ENGINE = ("clean", "guard", "outlines", "overlay", "tiles", "windows")
QUANTITIES = ("intersection", "inside", "rest", "split rest", "union", "outside both", "shared")
ROOT = Path(__file__).resolve().parents[2]


def tolerance(area: Array) -> Array:
    return np.where(area <= HECTARES_100_M2, TOLERANCE_M2, TOLERANCE_SHARE * area)


# --- what the engine says --------------------------------------------------------------------------------------------


def frames_around(left: Array, right: Array) -> Array:
    """A box around each pair."""
    a, b = shapely.bounds(left), shapely.bounds(right)
    return shapely.box(*(np.minimum(a, b)[:, :2] - FRAME_M).T, *(np.maximum(a, b)[:, 2:] + FRAME_M).T)


def summed(rows: Array, values: Array, count: int) -> Array:
    return np.bincount(rows, weights=values, minlength=count) if len(rows) else np.zeros(count)


def as_given(geoms: Array) -> Array:
    return geoms


def as_tiles(geoms: Array) -> Tiles:
    """The layer as a prepared plan has it; the tiles are so small that most polygons are cut."""
    return arranged([tiles_of(geoms, most=SMALL_TILE)])


#: How the layer is handed to the engine; every sixteenth chunk is in tiles.
WAYS: dict[str, Callable[[Array], Any]] = {"polygons": as_given, "tiles": as_tiles}


def way_of(number: int) -> str:
    return "tiles" if number // CHUNK % 16 == 7 else "polygons"


def measured(left: Array, right: Array, *, way: str = "polygons") -> tuple[Array, Array]:
    """Areas by the engine: one row per pair, one column per quantity; and where its guard replaced an answer."""
    count, layer_of = len(left), WAYS[way]
    layer = layer_of(right)
    raw = overlay.intersect(left, layer)
    assert (raw.left == raw.right).all(), "pairs of one chunk must lie apart"
    once = overlay.book_once(raw)[0]
    inside, rest, recomputed = overlay.divide(left, raw, once)
    pieces = overlay.split(left, layer)
    over = pieces.right < 0
    split_rest = summed(pieces.left[over], pieces.area[over], count)
    # the other way round: both are features of one layer, over each other, and the frame is divided by it
    frames, both = frames_around(left, right), np.stack([left, right], axis=1).ravel()
    raw_both = overlay.intersect(frames, layer_of(both))
    once_both, rows, shared = overlay.book_once(raw_both)
    united, outside, again = overlay.divide(frames, raw_both, once_both)
    columns = [summed(raw.left, raw.area, count), shapely.area(inside), shapely.area(rest), split_rest,
               shapely.area(united), shapely.area(outside), summed(rows, shapely.area(shared), count)]  # fmt: skip
    recomputed = recomputed | again
    for each in (pieces, raw_both, once_both):
        recomputed[each.left[each.recomputed]] = True
    return np.stack(columns, axis=1), recomputed


def expected(left: Array, right: Array, frames: Array) -> Array:
    """The same by exact arithmetic."""
    rows = zip(rings_of(left), rings_of(right), shapely.bounds(frames).tolist(), strict=True)
    return np.array([_expected(areas_of_rings(one, other), box_area(frame)) for one, other, frame in rows])


def _expected(exact: Areas, frame: Ratio) -> list[float]:
    common, rest = rounded(exact.common), rounded(exact.one, minus(exact.common))
    both = [exact.one, exact.other, minus(exact.common)]
    return [common, common, rest, rest, rounded(*both), rounded(frame, *map(minus, both)), common]


# --- the run ---------------------------------------------------------------------------------------------------------


def compared(pairs: list[Pair], way: str) -> tuple[Array, Array, Array]:
    """Differences of each pair and quantity (m²), whether it is outside tolerance, and whether the guard spoke."""
    left, right = (np.array(side, dtype=object) for side in ([p.one for p in pairs], [p.other for p in pairs]))
    alone = np.array([p.alone for p in pairs])
    got, recomputed = np.zeros((len(pairs), len(QUANTITIES))), np.zeros(len(pairs), bool)
    for rows in [np.flatnonzero(~alone), *np.flatnonzero(alone)[:, None]]:
        got[rows], recomputed[rows] = measured(left[rows], right[rows], way=way)
    frames = frames_around(left, right)
    difference = np.abs(got - expected(left, right, frames))
    whole = np.where(np.isin(QUANTITIES, ["union", "outside both"]), shapely.area(frames)[:, None],
                     shapely.area(left)[:, None])  # fmt: skip
    return difference, difference > tolerance(whole), recomputed


def state() -> dict[str, Any]:
    """What the record belongs to."""
    sources = sorted(Path(overlay.__file__).parent.glob("*.py"))
    engine = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sources if p.stem in ENGINE}
    versions = {name: version(name) for name in ("numpy", "pyproj", "shapely")}
    return {
        "engine": engine,
        "versions": {**versions, "geos": shapely.geos_version_string, "python": platform.python_version()},
    }


def commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=40"], cwd=ROOT, capture_output=True,
                          text=True, check=False)  # fmt: skip
    return done.stdout.strip() or "no git checkout"


def fresh(seed: int) -> dict[str, Any]:
    def counts(names: Sequence[str]) -> dict[str, Any]:
        return {name: {"pairs": 0, "outside": 0, "recomputed": 0, "worst_m2": 0.0} for name in names}

    return {"schema": "controllines.proof/1", "seed": seed, "count": 0, "commit": commit(), **state(),
            "outside": 0, "recomputed": 0, "cpu_seconds": 0.0,
            "worst": {name: {"m2": 0.0, "pair": None} for name in QUANTITIES},
            "families": counts(list(FAMILIES)), "origins": counts(list(ORIGINS)), "ways": counts(list(WAYS)),
            "failures": []}  # fmt: skip


def add(record: dict[str, Any], first: int, pairs: list[Pair]) -> None:
    """Lay a chunk of pairs over each other and add what was found to the record."""
    way = way_of(first)
    difference, outside, recomputed = compared(pairs, way)
    # Large pairs have a tolerance of their own; the worst of all others is what the figure means.
    small = np.array([p.family != "large" for p in pairs])
    for column, name in enumerate(QUANTITIES):
        row = int(np.argmax(np.where(small, difference[:, column], -1)))
        if difference[row, column] > record["worst"][name]["m2"]:
            record["worst"][name] = {"m2": float(difference[row, column]), "pair": first + row}
    for row, drawn in enumerate(pairs):
        groups = record["families"][drawn.family], record["origins"][drawn.origin], record["ways"][way]
        for group in groups:
            group["pairs"] += 1
            group["outside"] += int(outside[row].any())
            group["recomputed"] += int(recomputed[row])
        for group in groups if small[row] else groups[:1]:
            group["worst_m2"] = max(group["worst_m2"], float(difference[row].max()))
        if outside[row].any():
            record["failures"].append(failure(first + row, drawn, difference[row], outside[row]))
    record["count"] = first + len(pairs)
    record["outside"] += int(outside.any(axis=1).sum())
    record["recomputed"] += int(recomputed.sum())


def failure(number: int, drawn: Pair, difference: Array, outside: Array) -> dict[str, Any]:
    off = {name: float(difference[n]) for n, name in enumerate(QUANTITIES) if outside[n]}
    return {"pair": number, "family": drawn.family, "origin": drawn.origin, "difference_m2": off,
            "one": shapely.to_wkb(drawn.one, hex=True), "other": shapely.to_wkb(drawn.other, hex=True)}  # fmt: skip


def chunks(first: int, last: int) -> Iterator[tuple[int, int]]:
    """First and end of the pairs of each chunk, whatever was done before."""
    while first < last:
        end = min((first // CHUNK + 1) * CHUNK, last)
        yield first, end
        first = end


def opened(path: Path, seed: int, *, restart: bool) -> dict[str, Any]:
    """The record to go on with."""
    if restart or not path.exists():
        return fresh(seed)
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    now = state()
    if record["seed"] != seed or any(record[key] != value for key, value in now.items()):
        sys.exit(f"{path} belongs to another seed, engine or library version; begin again with --restart")
    return record


def write(path: Path, record: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def run(seed: int, count: int, path: Path, *, restart: bool = False) -> dict[str, Any]:
    """Compare the pairs 0 … count-1 of a seed, beginning after those that the record has."""
    record = opened(path, seed, restart=restart)
    for first, last in chunks(record["count"], count):
        began = time.process_time()
        add(record, first, [pair(seed, number) for number in range(first, last)])
        record["cpu_seconds"] = round(record["cpu_seconds"] + time.process_time() - began, 1)
        write(path, record)
    return record


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", type=Path, help="default: docs/proof/overlay-SEED.json")
    parser.add_argument("--restart", action="store_true", help="forget what the record has")
    options = parser.parse_args()
    path = options.record or ROOT / "docs" / "proof" / f"overlay-{options.seed}.json"
    record = run(options.seed, options.count, path, restart=options.restart)
    worst = max(entry["m2"] for entry in record["worst"].values())
    sys.stdout.write(f"{record['count']} pairs, {record['outside']} outside tolerance, worst {worst:.2g} m²; {path}\n")
    return int(record["outside"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
