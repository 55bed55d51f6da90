"""Reports (报表): one model, laid out as result.json, gpkg, csv, xlsx and html."""

from __future__ import annotations

from controllines.report.folder import write_report as write_report
