"""Plans (规划): the control lines, units and context layers of a county, laid into one plane.

``open_plan`` takes a plan.toml, a GeoPackage or file geodatabase with official table names, or a dictionary. A layer
that cannot be read does not stop the plan: it is ``failed``, and nothing checked against it is ever "none".
"""

from __future__ import annotations

import datetime as dt
import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from controllines import io, store
from controllines.crs import Plane, plane_of
from controllines.datum import SevenParameters
from controllines.errors import ControlLinesError, InputError, PlanError, UsageError
from controllines.extents import far_layers
from controllines.findings import Finding, finding
from controllines.kinds import Kind, in_order, kind_of, kind_of_table
from controllines.layers import Layer, Reading, extent_of, lay, read_layer
from controllines.windows import Each, Geometries, Shapes, box_of

Array = np.ndarray
#: Context that land is divided by like units; land use has ridges and is dealt with in a room of its own.
CONTEXT = ("planned_use", "approved_land")


class LayerSpec(BaseModel):
    """One ``[layers.*]`` table of plan.toml; see the contract for the meaning of each key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    layer: str | None = None
    crs: str | None = None
    fields: dict[str, str] = {}
    coverage: str | None = None
    version: str | None = None
    as_at: dt.date | None = None
    source: str | None = None
    approval: str | None = None
    accept_excluded: list[str] = []
    datum: Literal["as_is"] | None = None
    edges_straight_in: str | None = None
    sense: Literal["avoid", "stay_within"] | None = None
    trusted: bool = False
    to_cgcs2000: SevenParameters | None = None

    @property
    def reading(self) -> Reading:
        """How the layer is to be read."""
        return Reading(crs=self.crs, fields=self.fields, datum=self.datum, edges_straight_in=self.edges_straight_in,
                       to_cgcs2000=self.to_cgcs2000)  # fmt: skip


class PlanSpec(BaseModel):
    """The ``[plan]`` table of plan.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    version: str | None = None
    county: str | None = None
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    synthetic: bool = False
    big_classes: dict[str, str] = {}


class PlanFile(BaseModel):
    """A whole plan.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    plan: PlanSpec = PlanSpec()
    layers: dict[str, LayerSpec]
    aliases: dict[str, str] = {}


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


@dataclass(frozen=True)
class Draft:
    """A plan whose layers were read and not yet laid into the plane.

    Attributes
    ----------
    read : kind → layer
    sources : the files it was read from
    """

    spec: PlanSpec
    read: dict[str, Layer]
    failed: Mapping[str, Finding]
    specs: Mapping[str, LayerSpec]
    aliases: Mapping[str, str]
    plane: Plane
    path: str
    sources: tuple[Path, ...]


def is_prepared(what: object) -> bool:
    """Return whether this is the folder of a prepared plan (预处理规划)."""
    if not isinstance(what, str | Path) or io.is_address(what):
        return False
    path = Path(what)
    return path.suffix.lower() == ".plan" or (path / store.MANIFEST).exists()


@dataclass(frozen=True)
class How:
    """How the layers of a plan are read.

    Attributes
    ----------
    packed : True keeps their geometries packed: they pass through once, on their way into a store
    each : what goes through the blocks of packed layers
    """

    packed: bool = False
    each: Each = map


def draft_of(what: object, given: Mapping[str, Any], how: How = How()) -> Draft:
    """Read what a plan is made of; ``given`` fills or replaces what plan.toml says of it."""
    if isinstance(what, Mapping):
        return _read(PlanSpec(**given), _from_mapping(what), ({}, "dict"), how)
    if io.is_address(what):
        place = _address(what)
        return _read(PlanSpec(**{"name": place.name} | dict(given)), _from_database(place), ({}, place.shown), how)
    path = Path(str(what))
    if not path.exists():
        raise PlanError.of("PLAN_NOT_FOUND", source=path)
    if path.suffix.lower() == ".toml":
        file = _parse(path)
        spec = file.plan.model_copy(update=dict(given))
        named = [(key, *_place(entry, path.parent / entry.path)) for key, entry in file.layers.items()]
        return _read(spec, _by_kind(named, path), (file.aliases, str(path)), how)
    return _read(PlanSpec(**{"name": path.stem} | dict(given)), _from_tables(path, how), ({}, str(path)), how)


def _prepared(folder: Path, given: Mapping[str, Any]) -> Plan:
    """Open a prepared plan: nothing but the manifest is read."""
    manifest = store.read_manifest(folder)
    store.check_sources(folder, manifest)
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


def kind_key(name: str, sense: str | None) -> str:
    """Return the key of a kind named in plan.toml; an unknown one is an error of the plan."""
    try:
        return kind_of(name, sense=sense).key
    except UsageError as error:
        raise PlanError(error.finding) from None


def _parse(path: Path) -> PlanFile:
    try:
        return PlanFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlanError.of("PLAN_TOML", source=path, actual=str(error)) from None
    except ValidationError as error:
        wrong = "；".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise PlanError.of("PLAN_TOML", source=path, actual=wrong) from None


Wanted = Mapping[str, tuple[LayerSpec, Any]]


def _from_mapping(what: Mapping[Any, Any]) -> Wanted:
    places = {key: _address(value) if io.is_address(value) else value for key, value in what.items()}
    paths = {key: "" if isinstance(value, gpd.GeoDataFrame) else str(value) for key, value in places.items()}
    return _by_kind([(str(key), LayerSpec(path=paths[key]), value) for key, value in places.items()], "dict")


def _place(entry: LayerSpec, file: Path) -> tuple[LayerSpec, Any]:
    """Return where a layer is; of a database's address the entry keeps only what may be shown."""
    if not io.is_address(entry.path):
        return entry, file
    place = _address(entry.path)
    return entry.model_copy(update={"path": place.shown}), place


def _address(what: object) -> io.Address:
    try:
        return io.address(what)
    except InputError as error:
        raise PlanError(error.finding) from None


def _from_database(place: io.Address) -> Wanted:
    """Recognise the tables of a schema by their official names; each is read on its own."""
    try:
        names = io.tables(place)
    except InputError as error:
        raise PlanError(error.finding) from None
    named = [(kind.key, LayerSpec(path=place.shown, layer=label), place)
             for label, table in names if (kind := kind_of_table(table))]  # fmt: skip
    if not named:
        raise PlanError.of("PLAN_NO_TABLES", source=place, actual="、".join(label for label, _ in names) or "没有")
    return _by_kind(named, place)


def _by_kind(named: Iterable[tuple[str, LayerSpec, Any]], source: object) -> Wanted:
    """Return the layers by kind; a kind named twice, by key and in Chinese, is an error."""
    wanted: dict[str, tuple[LayerSpec, Any]] = {}
    names: dict[str, str] = {}
    for name, entry, where in named:
        key = kind_key(name, entry.sense)
        if key in wanted:
            zh = kind_of(key, sense=entry.sense).zh
            raise PlanError.of("PLAN_TWO_TABLES", source=source, layer=name, actual=names[key], expected=zh)
        wanted[key], names[key] = (entry, where), name
    return wanted


def _from_tables(path: Path, how: How) -> Wanted:
    """Recognise the layers of a file by their official table names."""
    try:
        sources = io.read(path, packed=how.packed)
    except InputError as error:
        raise PlanError(error.finding) from None
    wanted: dict[str, tuple[LayerSpec, Any]] = {}
    for source in sources:
        kind = kind_of_table(source.layer or "")
        if kind is None:
            continue
        if kind.key in wanted:
            raise PlanError.of("PLAN_TWO_TABLES", source=path, layer=source.layer, actual=wanted[kind.key][0].layer,
                               expected=kind.zh)  # fmt: skip
        wanted[kind.key] = (LayerSpec(path=str(path), layer=source.layer), source)
    if not wanted:
        raise PlanError.of("PLAN_NO_TABLES", source=path, actual="、".join(str(source.layer) for source in sources))
    return wanted


def _read(spec: PlanSpec, wanted: Wanted, named: tuple[Mapping[str, str], str], how: How) -> Draft:
    aliases, path = named
    read: dict[str, Layer] = {}
    failed: dict[str, Finding] = {}
    for key in in_order(wanted):
        entry, where = wanted[key]
        try:
            read[key] = read_layer(where, key, layer=entry.layer, sense=entry.sense, reading=entry.reading,
                                   trusted=entry.trusted, packed=how.packed, each=how.each)  # fmt: skip
        except ControlLinesError as error:
            why = error.finding
            failed[key] = finding("PLAN_LAYER_FAILED", source=why.source or str(where), layer=entry.layer,
                                  actual=why.message, hint=why.fix, zh=kind_of(key, sense="avoid").zh)  # fmt: skip
    for key, far in far_layers(read).items():
        failed[key] = far
        del read[key]
    if not any(len(layer) for layer in read.values()):
        raise PlanError.of(
            "PLAN_EMPTY", source=path, actual="；".join(f.message for f in failed.values()) or "没有图层"
        )
    places = [Path(path), *(Path(where.path if isinstance(where, io.Source) else where)
                            for _, where in wanted.values() if isinstance(where, Path | io.Source))]  # fmt: skip
    return Draft(spec, read, failed, {key: entry for key, (entry, _) in wanted.items()}, aliases, _plane(read), path,
                 tuple(place for place in dict.fromkeys(places) if place.exists()))  # fmt: skip


def laid(draft: Draft, key: str, *, each: Each = map) -> Layer:
    """Take one layer of a draft, lay it into its plane, and compare its fields with the official table."""
    from controllines.schema import with_schema  # a prepared plan has no need of them
    from controllines.variants import with_variants

    return with_variants(with_schema(lay(_aliased(draft.read.pop(key), draft.aliases), draft.plane, each=each)))


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


def _aliased(layer: Layer, aliases: Mapping[str, str]) -> Layer:
    """Let variants of a unit's name (夏乡, 夏镇) be one unit, where plan.toml says so."""
    if layer.kind.group != "unit" or not aliases:
        return layer
    return replace(layer, frame=layer.frame.assign(name=layer.frame["name"].replace(dict(aliases))))


def _plane(layers: Mapping[str, Layer]) -> Plane:
    """Return the plane: its middle is the county's, else the plan's."""
    chosen = [layers["county"]] if "county" in layers else list(layers.values())
    bounds = [box for box in (extent_of(layer) for layer in chosen) if box is not None]
    if not bounds:
        bounds = [box for box in (extent_of(layer) for layer in layers.values()) if box is not None]
    if not bounds:
        raise PlanError.of("PLAN_EMPTY", actual="所有图层都没有可用的要素")
    low, high = np.min(bounds, axis=0), np.max(bounds, axis=0)
    return plane_of((low[0], low[1], high[2], high[3]))


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


def spec_checksum(spec: LayerSpec) -> str:
    """Return a checksum of what plan.toml says of a layer, but for its path; it tells nothing of seven parameters."""
    return hashlib.sha256(spec.model_dump_json(exclude={"path"}).encode()).hexdigest()


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
