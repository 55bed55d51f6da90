"""Layer kinds (图层种类) as data: keys, Chinese names, senses, official table and field names.

The registry is ``data/kinds.toml``; a kind of the user's own is written ``custom:name``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from controllines.errors import UsageError
from controllines.packaged import packaged

AVOID, STAY_WITHIN = "avoid", "stay_within"
#: Name of what lies outside every unit of a layer.
OUTSIDE_ALL = "范围外"


@dataclass(frozen=True)
class Kind:
    """One kind of layer.

    Attributes
    ----------
    key, zh : English key and official Chinese name
    group : ``line`` (the three control lines), ``other`` lines, ``unit`` or ``context``
    sense : ``avoid`` (what lies inside is the conflict), ``stay_within`` (what lies outside), None for units
    tables : table names by which a layer is recognised
    fields : role (id, class, code, name, kcxs, recorded) to field names, the first found is used
    code_length : digits of the code that identify the unit (township 9, village 12), None for all
    """

    key: str
    zh: str
    group: str
    sense: str | None = None
    tables: tuple[str, ...] = ()
    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)
    code_length: int | None = None
    confidence: str = "K"

    @property
    def is_line(self) -> bool:
        """True for control lines of any sort: whatever has a sense."""
        return self.sense is not None


@cache
def registry() -> dict[str, Kind]:
    """Return all kinds by key, in the order in which results list them."""
    return {key: _kind(key, entry) for key, entry in _data()["kinds"].items()}


@cache
def parcel_kind() -> Kind:
    """Return what applications (申请地块) are: no control line, but with fields of their own."""
    entry = _data()["parcels"]
    names = {role: tuple(values) for role, values in entry["fields"].items()}
    return Kind(key="parcels", zh=entry["zh"], group="application", fields=names)


@cache
def placeholders() -> frozenset[str]:
    """Return ids that exporters write where there is none (FID_0, DKMC, blank)."""
    return frozenset(_data()["parcels"]["placeholders"])


@cache
def _data() -> dict[str, Any]:
    return packaged("kinds")


def _kind(key: str, entry: dict[str, Any]) -> Kind:
    names = {role: tuple(values) for role, values in entry["fields"].items()}
    return Kind(key=key, **entry | {"tables": tuple(entry["tables"]), "fields": names})


def kind_of(name: str, *, sense: str | None = None) -> Kind:
    """Return the kind with an English key or a Chinese name; ``custom:*`` must come with its sense.

    Raises
    ------
    UsageError
        Unknown name, or a custom kind without sense.
    """
    if name in registry():
        return registry()[name]
    for kind in registry().values():
        if name == kind.zh:
            return kind
    if name.startswith("custom:") and len(name) > len("custom:"):
        if sense not in (AVOID, STAY_WITHIN):
            raise UsageError.of("KIND_NEEDS_SENSE", actual=name)
        return Kind(key=name, zh=name.removeprefix("custom:"), group="other", sense=sense,
                    fields={"id": ("BSM",)})  # fmt: skip
    known = "、".join(f"{kind.key} {kind.zh}" for kind in registry().values())
    raise UsageError.of("KIND_UNKNOWN", actual=name, expected=known)


def three_lines() -> tuple[str, ...]:
    """Return the keys of the three control lines (三条控制线)."""
    return tuple(key for key, kind in registry().items() if kind.group == "line")


def kind_of_table(table: str) -> Kind | None:
    """Return the kind whose official table name this is, else None; case and schema (``SDE.STBHHX``) do not matter."""
    wanted = table.strip().upper().rpartition(".")[2]
    for kind in registry().values():
        if wanted in (name.upper() for name in kind.tables):
            return kind
    return None


def in_order(keys: Iterable[str]) -> list[str]:
    """Return kind keys in registry order, custom kinds last by name."""
    order = {key: position for position, key in enumerate(registry())}
    return sorted(keys, key=lambda key: (order.get(key, len(order)), key))


def find_field(kind: Kind, role: str, columns: Iterable[str], chosen: Mapping[str, str] | None = None) -> str | None:
    """Return the column that plays a role: the one chosen by the user, else the first official name present."""
    present = {str(column).upper(): str(column) for column in columns}
    if chosen and role in chosen:
        if chosen[role].upper() not in present:
            raise UsageError.of("FIELD_MISSING", actual=chosen[role], expected="、".join(present.values()))
        return present[chosen[role].upper()]
    return next((present[name.upper()] for name in kind.fields.get(role, ()) if name.upper() in present), None)
