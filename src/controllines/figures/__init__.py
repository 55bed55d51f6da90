"""Figures (数据核对): do the areas that a plan text states agree with each other, with the map, with their targets?"""

from __future__ import annotations

from controllines.figures.audit import FigureAudit as FigureAudit
from controllines.figures.audit import audit_figures as audit_figures
from controllines.figures.targets import TargetCheck as TargetCheck
from controllines.figures.targets import check_targets as check_targets
