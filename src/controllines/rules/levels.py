"""Levels (判定等级) and how they combine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Level = Literal["clear", "conditional", "approval", "prohibited", "undetermined"]
#: What a rule leads to: a level, or nothing but a note.
Effect = Literal["clear", "conditional", "approval", "prohibited", "undetermined", "note"]
CLEAR: Level = "clear"
CONDITIONAL: Level = "conditional"
APPROVAL: Level = "approval"
PROHIBITED: Level = "prohibited"
UNDETERMINED: Level = "undetermined"
#: From the mildest to the one that prevails over all: nothing that is still open can soften a prohibition.
LEVELS: tuple[Level, ...] = (CLEAR, CONDITIONAL, APPROVAL, UNDETERMINED, PROHIBITED)


def severity(level: Level) -> int:
    """Return the place of a level in :data:`LEVELS`."""
    return LEVELS.index(level)


def worst(levels: Iterable[Level]) -> Level | None:
    """Return the level that prevails, None of none."""
    return max(levels, key=severity, default=None)


def reaches(level: Level, limit: Level) -> bool:
    """Return whether a level is ``limit`` or worse; undetermined reaches every limit (``--fail-on``)."""
    return level == UNDETERMINED or severity(level) >= severity(limit)
