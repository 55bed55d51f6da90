"""Cases (待判定的对象): one parcel or project with all that was measured and told of it, as plain records.

The rules see nothing else: no geometry, no files. What was not measured is missing here, never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from controllines.kinds import AVOID
from controllines.rules.conditions import Facts

Scope = Literal["parcel", "project"]
PARCEL: Scope = "parcel"
PROJECT: Scope = "project"


@dataclass(frozen=True)
class Joint:
    """The part of the land inside one line, laid over another line; all in m².

    Attributes
    ----------
    classes : class of the other line, as in its data → area inside it
    outside_m2 : area outside the other line
    uncovered_m2 : area of which the other line says nothing (no layer, no coverage, failed)
    """

    classes: Mapping[str, float]
    outside_m2: float = 0.0
    uncovered_m2: float = 0.0


@dataclass(frozen=True)
class Line:
    """What was measured of the land and one line; areas in m², distances in m, None = not measured.

    Attributes
    ----------
    zh, sense : name and sense of the line
    outcome : conflict, none, no_data, failed
    inside_m2, outside_m2, uncovered_m2 : inside, outside, and where the layer says nothing
    depth_m, clearance_m : how far the boundary must move for the conflict to end, or to begin
    flags : flags of the row of ``overlaps``
    classes : class as in the data → area inside the line
    joints : other line → the part inside this line laid over it; a line that is not here was not laid over it
    shortfalls : fact naming a file with an approved area → m² of the conflict outside it
    """

    zh: str
    sense: str
    outcome: str
    inside_m2: float | None = None
    outside_m2: float | None = None
    uncovered_m2: float | None = None
    depth_m: float | None = None
    clearance_m: float | None = None
    flags: frozenset[str] = frozenset()
    classes: Mapping[str, float] = field(default_factory=dict)
    joints: Mapping[str, Joint] = field(default_factory=dict)
    shortfalls: Mapping[str, float] = field(default_factory=dict)

    @property
    def measured(self) -> bool:
        """Whether areas are known."""
        return self.outcome in ("conflict", "none")

    @property
    def incomplete(self) -> bool:
        """Whether part of the land was not checked: outside the layer, or near a feature that was set aside."""
        return (self.uncovered_m2 or 0.0) > 0 or "excluded_feature" in self.flags

    @property
    def conflict_m2(self) -> float | None:
        """The area of the conflict."""
        return self.inside_m2 if self.sense == AVOID else self.outside_m2


@dataclass(frozen=True)
class LandPart:
    """Land of one class (现状地类), net of ridges where it is cultivated.

    Attributes
    ----------
    code, big_class : 地类代码 and 农用地, 建设用地, 未利用地
    area_m2 : its area
    inside : control line → area inside it; a line that is not here was not measured
    """

    code: str
    big_class: str
    area_m2: float
    inside: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One parcel, or one project as the union of its parcels.

    Attributes
    ----------
    scope, subject_id : ``parcel`` or ``project``, and its id
    area_m2 : its area
    lines : line → what was measured
    facts : project facts by key
    land : land classes, None where there is no 现状地类
    project_id : of a parcel, the project it belongs to
    excluded : of a project, the number of its parcels that could not be checked
    """

    scope: Scope
    subject_id: str
    area_m2: float
    lines: Mapping[str, Line]
    facts: Facts = field(default_factory=dict)
    land: tuple[LandPart, ...] | None = None
    project_id: str | None = None
    excluded: int = 0


@dataclass(frozen=True)
class Printed:
    """How the report prints the figures of one case and line: sentences quote nothing else.

    Attributes
    ----------
    found : the report's own sentence on the line
    figures : returns conflict, inside, outside, whole as phrases with unit
    area : prints any other area (m²) as a phrase
    """

    found: str
    figures: Callable[[], Mapping[str, str]]
    area: Callable[[float], str]


#: Returns how figures of a case are printed; the line is None for what belongs to no control line.
Print = Callable[[Case, str | None], Printed]
