"""Preparing a plan (规划预处理): read it once, cut its layers into tiles, and keep them in a folder.

A prepared plan opens at once and reads only the tiles it needs; what a check says is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from controllines import generations, io, store
from controllines.conflicts import Workers
from controllines.crs import LONLAT, recognise
from controllines.drafts import Draft, How, draft_of, laid
from controllines.errors import InputError, OutputError, PlanError, reason
from controllines.kinds import kind_of
from controllines.planfile import spec_checksum
from controllines.plans import finished, is_prepared, open_plan
from controllines.roles import COLUMNS
from controllines.windows import Each

Tell = Callable[[str], object]


def prepare(
    plan: object, folder: str | Path, *, county: str | None = None, version: str | None = None, name: str | None = None,
    tell: Tell = str, workers: Workers = Workers(),
) -> Path:  # fmt: skip
    """Prepare a plan for many checks.

    Parameters
    ----------
    plan : anything :func:`controllines.plans.open_plan` takes but a plan that is open or prepared
    folder : where it is kept, ``….plan``; a prepared plan there is replaced, at once and only when all is written
    county, version, name : as in ``open_plan``
    tell : called with the name of each stage as it begins (进度)

    Returns
    -------
    Path of the folder, for ``open_plan``

    Raises
    ------
    PlanError
        The plan cannot be used, or another process is preparing the same folder.
    OutputError
        It could not be written; a prepared plan that was there is intact.
    """
    target = Path(folder)
    if target.exists() and not generations.is_free(target):
        raise PlanError.of("PLAN_FOLDER_TAKEN", source=target)
    if is_prepared(plan):
        raise PlanError.of("PLAN_PREPARED_ALREADY", source=plan)
    given = {key: value for key, value in {"county": county, "version": version, "name": name}.items() if value}
    try:
        with generations.writing(target) as new:
            with workers.pool() as each:
                tell("读取规划")
                draft = draft_of(plan, given, How(packed=True, each=each))
                manifest = _written(draft, new, tell, each)
            generations.commit(target, new, manifest)
    except OSError as error:
        raise OutputError.of("OUTPUT_NOT_WRITTEN", source=target, actual=reason(error)) from error
    return target


def _written(draft: Draft, new: Path, tell: Tell, each: Each) -> dict[str, Any]:
    """Write the layers one by one, letting go of each before the next; return the manifest."""
    sources = generations.sources_of(draft.sources)
    checksums = {key: spec_checksum(spec) for key, spec in draft.specs.items()}
    entries: dict[str, Any] = {}
    for number, key in enumerate(list(draft.read)):
        tell(f"分块 {draft.read[key].kind.zh}（{len(draft.read[key])} 个要素）")
        entries[key] = store.write_layer(new / f"layer-{number}", laid(draft, key, each=each), each=each)
    manifest = {
        "format": generations.FORMAT, "options": generations.OPTIONS, "layers": entries, "sources": sources,
        "plan": draft.spec.model_dump(mode="json"), "plane": asdict(draft.plane), "aliases": dict(draft.aliases),
        # Seven parameters are secret: a prepared plan has no need of them.
        "specs": {key: spec.model_dump(mode="json", exclude={"to_cgcs2000"}) for key, spec in draft.specs.items()},
        "spec_checksums": checksums,
        "failed": {key: asdict(item) for key, item in draft.failed.items()},
    }  # fmt: skip
    opened = {key: store.PreparedLayer(new / entry["folder"], entry, draft.plane) for key, entry in entries.items()}
    return manifest | {"findings": [asdict(item) for item in finished(draft, opened).findings]}


def describe(folder: str | Path, *, verify: bool = False) -> Iterator[str]:
    """Yield Chinese lines about a prepared plan: what it was made from, its layers, whether every block is whole.

    Raises
    ------
    PlanError
        The plan is stale or damaged.
    """
    path = Path(folder)
    plan = open_plan(path)
    yield f"{path}  预处理规划  {plan.name} {plan.version or ''}  {len(plan.layers)} 个图层"
    for source in generations.read_manifest(path)["sources"]:
        yield f"来源 {source['path']}  SHA-256 {source['sha256']}"
    for layer in _layers(path):
        origin = layer.origins[0]
        yield f"图层 {layer.kind.zh}（{layer.kind.key}）"
        yield f"  要素 {len(layer)}，使用 {int(np.sum(layer.used))}，分块 {len(layer.in_plane)}"
        yield f"  坐标系 {origin.crs[:60]}（{origin.crs_found}）  SHA-256 {origin.sha256}"
        if verify:
            yield f"  已校验 {store.verify(layer)} 组分块和全部属性，完好"
    for item in plan.failed.values():
        yield f"  [{item.severity}] {item}"


def _layers(folder: Path) -> Iterator[store.PreparedLayer]:
    manifest = generations.read_manifest(folder)
    return (store.open_layer(folder, manifest, key) for key in manifest["layers"])


def sources_in(folder: str | Path, layer: str | None = None) -> list[io.Source]:
    """Return the layers of a prepared plan as sources, to be written in any format: own columns, EPSG:4490.

    Raises
    ------
    InputError
        The plan does not have the layer.
    """
    path = Path(folder)
    wanted = None if layer is None else kind_of(layer, sense="avoid").key
    chosen = [one for one in _layers(path) if wanted in (None, one.kind.key)]
    if not chosen:
        raise InputError.of("LAYER_UNKNOWN", source=path, actual=layer,
                            expected="、".join(one.kind.zh for one in _layers(path)))  # fmt: skip
    return [
        io.Source(
            path=path, layer=one.kind.zh, frame=one.frame.drop(columns=[*COLUMNS, "geometry"]), geoms=one.shapes,
            crs=recognise(LONLAT).crs, crs_found="预处理规划", encoding=None, resolution_m=None,
            sha256=one.origins[0].sha256, driver="plan",
        )
        for one in chosen
    ]  # fmt: skip
