"""Drafts of plans (规划读入): the layers a plan is made of, found and read, not yet laid into its plane.

A plan comes from a plan.toml, from the official table names in a GeoPackage, a file geodatabase or a database, or from
a dictionary. A layer that cannot be read does not stop the others: it is ``failed``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

from controllines import io
from controllines.crs import Plane, plane_of
from controllines.errors import ControlLinesError, InputError, PlanError
from controllines.extents import far_layers
from controllines.findings import Finding, finding
from controllines.kinds import in_order, kind_of, kind_of_table
from controllines.layers import Layer, extent_of, lay, read_layer
from controllines.planfile import LayerSpec, PlanSpec, kind_key, parse
from controllines.windows import Each


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
        file = parse(path)
        spec = file.plan.model_copy(update=dict(given))
        named = [(key, *_place(entry, path.parent / io.as_written(entry.path))) for key, entry in file.layers.items()]
        return _read(spec, _by_kind(named, path), (file.aliases, str(path)), how)
    return _read(PlanSpec(**{"name": path.stem} | dict(given)), _from_tables(path, how), ({}, str(path)), how)


Wanted = Mapping[str, tuple[LayerSpec, Any]]


def _from_mapping(what: Mapping[Any, Any]) -> Wanted:
    places = {key: _address(value) if io.is_address(value) else value for key, value in what.items()}
    paths = {key: "" if isinstance(value, gpd.GeoDataFrame) else str(getattr(value, "path", value))
             for key, value in places.items()}  # fmt: skip
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
