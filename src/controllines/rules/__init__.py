"""Rules (规则): facts, a rule pack and a date give verdicts with their clauses.

``load_pack`` reads and checks a pack; ``evaluate`` judges: a pure function without geometry, files or clock.
"""

from controllines.rules.described import described, listed
from controllines.rules.evaluate import ACCURACY_M, Judgement, evaluate
from controllines.rules.levels import LEVELS, Level, reaches, worst
from controllines.rules.models import GENERAL, LAND_USE, Rule
from controllines.rules.packs import NATIONAL, NONE, Pack, load_pack

__all__ = [
    "ACCURACY_M",
    "GENERAL",
    "LAND_USE",
    "LEVELS",
    "NATIONAL",
    "NONE",
    "Judgement",
    "Level",
    "Pack",
    "Rule",
    "described",
    "evaluate",
    "listed",
    "load_pack",
    "reaches",
    "worst",
]
