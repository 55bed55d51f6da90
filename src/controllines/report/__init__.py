"""Reports (报表): one model, laid out as result.json, gpkg, csv, xlsx and html."""

from __future__ import annotations

from controllines.report.folder import check_target as check_target
from controllines.report.folder import write_report as write_report
from controllines.report.forms import FormOptions as FormOptions
from controllines.report.official import form_of as form_of
from controllines.report.official import write_form as write_form
from controllines.report.statistics import write_statistics as write_statistics
from controllines.report.statistics import write_table as write_table
