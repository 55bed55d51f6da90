"""What does this piece of land do to the three control lines (三条控制线), and how much of each lies where?

>>> import controllines as cl
>>> plan = cl.open_plan("plan.toml")                      # doctest: +SKIP
>>> result = cl.check("申请/*.txt", plan)                  # doctest: +SKIP
>>> cl.write_report(result, "out/")                        # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from controllines.area import official_area
    from controllines.conflicts import Widths
    from controllines.crs import EdgeRule
    from controllines.errors import (
        ControlLinesError,
        CRSError,
        GeometryError,
        InputError,
        OutputError,
        PlanError,
        UsageError,
    )
    from controllines.figures import FigureAudit, TargetCheck, audit_figures, check_targets
    from controllines.findings import Finding
    from controllines.layers import Layer, read_layer
    from controllines.parcels import read_parcels
    from controllines.pipeline import CheckOptions, Job, check, run
    from controllines.plans import Plan, open_plan
    from controllines.preparation import prepare
    from controllines.raster import raster_areas
    from controllines.report import write_form, write_report, write_table
    from controllines.report.audit import write_audit
    from controllines.report.notebook import explore
    from controllines.report.pictures import plot
    from controllines.results import CheckResult
    from controllines.stats import tabulate
    from controllines.tables import AreaTable

#: Public name → module. Imported on first use: importing the package costs nothing.
_HOMES = {
    "AreaTable": "tables",
    "CRSError": "errors",
    "CheckOptions": "pipeline",
    "CheckResult": "results",
    "ControlLinesError": "errors",
    "EdgeRule": "crs",
    "FigureAudit": "figures",
    "Finding": "findings",
    "GeometryError": "errors",
    "InputError": "errors",
    "Job": "pipeline",
    "Layer": "layers",
    "OutputError": "errors",
    "Plan": "plans",
    "PlanError": "errors",
    "TargetCheck": "figures",
    "UsageError": "errors",
    "Widths": "conflicts",
    "audit_figures": "figures",
    "check": "pipeline",
    "check_targets": "figures",
    "explore": "report.notebook",
    "official_area": "area",
    "open_plan": "plans",
    "plot": "report.pictures",
    "prepare": "preparation",
    "raster_areas": "raster",
    "read_layer": "layers",
    "read_parcels": "parcels",
    "run": "pipeline",
    "tabulate": "stats",
    "write_audit": "report.audit",
    "write_report": "report",
    "write_form": "report",
    "write_table": "report",
}

__all__ = [
    "AreaTable",
    "CRSError",
    "CheckOptions",
    "CheckResult",
    "ControlLinesError",
    "EdgeRule",
    "FigureAudit",
    "Finding",
    "GeometryError",
    "InputError",
    "Job",
    "Layer",
    "OutputError",
    "Plan",
    "PlanError",
    "TargetCheck",
    "UsageError",
    "Widths",
    "__version__",
    "audit_figures",
    "check",
    "check_targets",
    "explore",
    "official_area",
    "open_plan",
    "plot",
    "prepare",
    "raster_areas",
    "read_layer",
    "read_parcels",
    "run",
    "tabulate",
    "write_audit",
    "write_form",
    "write_report",
    "write_table",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'controllines' has no attribute {name!r}")
    return getattr(import_module(f"controllines.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
