"""What plan.toml says (规划说明文件): the plan, its layers, names that mean one unit."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from controllines.datum import SevenParameters
from controllines.errors import PlanError, UsageError
from controllines.kinds import kind_of
from controllines.layers import Reading
from controllines.strict import Strict, model_of
from controllines.texts import BACKSLASH, TomlError


class LayerSpec(Strict):
    """One ``[layers.*]`` table of plan.toml; see the contract for the meaning of each key."""

    path: str
    layer: str | None = None
    crs: str | None = None
    fields: dict[str, str] = Field(default_factory=dict)
    coverage: str | None = None
    version: str | None = None
    as_at: dt.date | None = None
    source: str | None = None
    approval: str | None = None
    accept_excluded: list[str] = Field(default_factory=list)
    datum: Literal["as_is"] | None = None
    edges_straight_in: str | None = None
    sense: Literal["avoid", "stay_within"] | None = None
    trusted: bool = False
    to_cgcs2000: SevenParameters | None = None

    @field_validator("path")
    @classmethod
    def _no_escapes(cls, path: str) -> str:
        if path and not path.isprintable():
            raise ValueError(f"{path!r}；{BACKSLASH}")
        return path

    @property
    def reading(self) -> Reading:
        """How the layer is to be read."""
        return Reading(crs=self.crs, fields=self.fields, datum=self.datum, edges_straight_in=self.edges_straight_in,
                       to_cgcs2000=self.to_cgcs2000)  # fmt: skip


class PlanSpec(Strict):
    """The ``[plan]`` table of plan.toml."""

    name: str = ""
    version: str | None = None
    county: str | None = None
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    synthetic: bool = False
    big_classes: dict[str, str] = Field(default_factory=dict)


class PlanFile(Strict):
    """A whole plan.toml."""

    plan: PlanSpec = PlanSpec()
    layers: dict[str, LayerSpec]
    aliases: dict[str, str] = Field(default_factory=dict)


def kind_key(name: str, sense: str | None) -> str:
    """Return the key of a kind named in plan.toml; an unknown one is an error of the plan."""
    try:
        return kind_of(name, sense=sense).key
    except UsageError as error:
        raise PlanError(error.finding) from None


def parse(path: Path) -> PlanFile:
    """Read a plan.toml.

    Raises
    ------
    PlanError
        It is no TOML, or a key or value is wrong.
    """
    try:
        return model_of(PlanFile, path.read_bytes())
    except TomlError as error:
        raise PlanError.of("PLAN_TOML", source=path, actual=str(error)) from None


def spec_checksum(spec: LayerSpec) -> str:
    """Return a checksum of what plan.toml says of a layer, but for its path; it tells nothing of seven parameters."""
    return hashlib.sha256(spec.model_dump_json(exclude={"path"}).encode()).hexdigest()
