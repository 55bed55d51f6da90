"""Plans (规划): the control lines, units and context layers of a county, laid into one plane.

``open_plan`` takes a plan.toml, a GeoPackage or file geodatabase with official table names, or a dictionary. A layer
that cannot be read does not stop the plan: it is ``failed``, and nothing checked against it is ever "none".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from controllines import generations, io, store
from controllines.crs import Plane
from controllines.drafts import Draft, draft_of, laid
from controllines.errors import PlanError
from controllines.findings import Finding, finding
from controllines.kinds import Kind, in_order, kind_of
from controllines.layers import Layer
from controllines.planfile import LayerSpec, PlanSpec, kind_key, spec_checksum
from controllines.windows import Geometries, Shapes, box_of

Array = np.ndarray
#: Context that land is divided by like units; land use has ridges and is dealt with in a room of its own.
CONTEXT = ("planned_use", "approved_land")


@dataclass(frozen=True)
class Coverage:
    """The land a layer speaks about (覆盖范围).

    Attributes
    ----------
    zh : what bounds it, in words
    shapes : polygons in the plane
    bbox : True where it is only the layer's own bounding box
    """

    zh: str
    shapes: Shapes
    bbox: bool = False


@dataclass(frozen=True)
class Plan:
    """A county's plan (国土空间规划), ready to be laid over.

    Attributes
    ----------
    spec : name, version, county code, dates
    layers : kind → layer, in registry order, all laid into ``plane``
    failed : kind → finding, layers that were named but could not be used
    specs : kind → what plan.toml says of the layer
    coverage : kind → coverage of each control line
    findings : findings of the plan itself; those of layers are with the layers
    path : where it was opened
    spec_checksums : kind → :func:`spec_checksum`, where the plan was prepared; omitted: found from ``specs``
    """

    spec: PlanSpec
    layers: Mapping[str, Layer]
    failed: Mapping[str, Finding]
    specs: Mapping[str, LayerSpec]
    coverage: Mapping[str, Coverage]
    plane: Plane
    path: str = ""
    findings: tuple[Finding, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    spec_checksums: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the plan (规划名称)."""
        return self.spec.name

    @property
    def version(self) -> str | None:
        """Version of the plan (版本)."""
        return self.spec.version

    @property
    def county(self) -> str | None:
        """Six-digit code of the county (县级行政区代码)."""
        return self.spec.county

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Findings of the plan and of all its layers."""
        layers = (item for layer in self.layers.values() for item in layer.findings)
        return (*self.findings, *self.failed.values(), *layers)

    def lines(self) -> list[Kind]:
        """Return the kinds of control lines that the plan names, in registry order."""
        keys = in_order({*self.layers, *self.failed})
        return [kind for kind in (self.kind(key) for key in keys) if kind.is_line]

    def kind(self, key: str) -> Kind:
        """Return a kind of this plan; custom kinds know their sense from plan.toml."""
        return kind_of(key, sense=self.specs[key].sense if key in self.specs else None)


def open_plan(what: object, *, county: str | None = None, version: str | None = None, name: str | None = None) -> Plan:
    """Open a plan.

    Parameters
    ----------
    what : path of a plan.toml, of a prepared ``.plan``, of a .gpkg or .gdb with official table names,
        ``postgresql://…`` with such tables in its schema, or a dictionary kind → path or GeoDataFrame
    county, version, name : fill or replace what plan.toml says

    Raises
    ------
    PlanError
        The plan cannot be used at all: plan.toml is wrong, or no layer could be read.
    """
    if isinstance(what, Plan):
        return what
    given: dict[str, Any] = {key: value for key, value in
                             {"county": county, "version": version, "name": name}.items() if value}  # fmt: skip
    if is_prepared(what):
        return _prepared(Path(str(what)), given)
    draft = draft_of(what, given)
    return finished(draft, {key: laid(draft, key) for key in list(draft.read)})


def is_prepared(what: object) -> bool:
    """Return whether this is the folder of a prepared plan (预处理规划)."""
    if not isinstance(what, str | Path) or io.is_address(what):
        return False
    path = Path(what)
    return path.suffix.lower() == ".plan" or (path / generations.MANIFEST).exists()


def _prepared(folder: Path, given: Mapping[str, Any]) -> Plan:
    """Open a prepared plan: nothing but the manifest is read."""
    manifest = generations.read_manifest(folder)
    generations.check_sources(folder, manifest)
    layers: dict[str, Layer] = {key: store.open_layer(folder, manifest, key) for key in manifest["layers"]}
    layers = {key: layers[key] for key in in_order(layers)}
    specs = {key: LayerSpec(**entry) for key, entry in manifest["specs"].items()}
    return Plan(
        spec=PlanSpec(**manifest["plan"]).model_copy(update=dict(given)), layers=layers,
        failed={key: Finding(**item) for key, item in manifest["failed"].items()}, specs=specs,
        coverage={key: _coverage(key, specs[key], layers) for key in layers if layers[key].kind.is_line},
        plane=Plane(**manifest["plane"]), path=str(folder), aliases=manifest["aliases"],
        findings=tuple(Finding(**item) for item in manifest["findings"]),
        spec_checksums=manifest["spec_checksums"],
    )  # fmt: skip


def finished(draft: Draft, layers: Mapping[str, Layer]) -> Plan:
    """Return the plan of a draft whose layers were laid."""
    specs = draft.specs
    lines = [key for key in layers if layers[key].kind.is_line]
    return Plan(
        spec=draft.spec, layers=layers, failed=draft.failed, specs=specs, plane=draft.plane, path=draft.path,
        aliases=draft.aliases, coverage={key: _coverage(key, specs[key], layers) for key in lines},
        findings=tuple(finding("LAYER_NO_VERSION", source=specs[key].path, layer=layers[key].kind.zh)
                       for key in lines if not specs[key].version),
    )  # fmt: skip


def _coverage(key: str, spec: LayerSpec, layers: Mapping[str, Layer]) -> Coverage:
    """Return what bounds the land a layer speaks about: the one named, else county, townships, its own box."""
    named = kind_key(spec.coverage, "avoid") if spec.coverage else None
    if named is not None and named not in layers:
        raise PlanError.of("COVERAGE_MISSING", source=spec.path, layer=layers[key].kind.zh, actual=spec.coverage)
    for bound in [named] if named else ["county", "township"]:
        if bound in layers and layers[bound].used.any():
            return Coverage(layers[bound].kind.zh, layers[bound].in_plane)
    box = np.array([box_of(layers[key].in_plane)], dtype=object)
    return Coverage("图层外接矩形", Geometries(box), bbox=True)


def checksum(plan: Plan) -> str:
    """Return a checksum over the plan's layers and what plan.toml says of them."""
    digest = hashlib.sha256(plan.spec.model_dump_json().encode())
    digest.update(repr(sorted(plan.aliases.items())).encode())
    for key in in_order(plan.specs):
        # Where a file lies changes nothing; what it holds is in its checksum.
        digest.update(f"{key}{plan.spec_checksums.get(key) or spec_checksum(plan.specs[key])}".encode())
        for origin in plan.layers[key].origins if key in plan.layers else ():
            digest.update(f"{origin.layer}{origin.sha256}".encode())
    return digest.hexdigest()


def unit_kinds(plan: Plan) -> Iterable[str]:
    """Return the keys of the plan's unit layers (统计单元), in registry order."""
    return [key for key, layer in plan.layers.items() if layer.kind.group == "unit"]


def divided_kinds(plan: Plan) -> list[str]:
    """Return the keys of the layers that land is divided by: units, 规划用途 and 已批用地."""
    return [key for key, layer in plan.layers.items() if layer.kind.group == "unit" or key in CONTEXT]


def layer_of(plan: Plan, name: str) -> Layer:
    """Return the layer of a kind, by English key or Chinese name.

    Raises
    ------
    PlanError
        The plan does not have it, or it could not be read.
    """
    kind = kind_of(name, sense="avoid")
    if kind.key in plan.failed:
        raise PlanError(plan.failed[kind.key])
    if kind.key not in plan.layers:
        raise PlanError.of("PLAN_LACKS_LAYER", source=plan.path, layer=kind.zh,
                           actual="、".join(layer.kind.zh for layer in plan.layers.values()))  # fmt: skip
    return plan.layers[kind.key]


def said_of(plan: Plan, layers: Iterable[Layer]) -> dict[str, Any]:
    """Return what a table says of the plan and of the layers it is made from (AreaTable.provenance)."""
    used = list(layers)
    return {
        "plan": plan.spec.model_dump(mode="json"),
        "layers": [{"kind": layer.kind.key, "name": layer.kind.zh, "source": layer.origins[0].path,
                    "sha256": layer.origins[0].sha256, "features": len(layer)} for layer in used],
        "unmeasured": [layer.kind.zh for layer in used if not layer.used.all()],
    }  # fmt: skip
