"""The tables of the report: headings, figures, totals, findings and notes."""

from __future__ import annotations

from controllines.report.model import build
from controllines.report.sheets import tables


def test_tables_name_area_convention_and_balance(make_result):
    for choice, name in (("official", "椭球面积"), ("planar", "平面面积")):
        report = build(make_result(area=choice))
        assert report.convention.startswith(f"面积口径：{name}")
        summary = tables(report)[0]
        column = [c.heading for c in summary.columns].index("界内面积\n（公顷）")
        figures = [getattr(row[column], "number", None) or 0 for row in summary.rows]
        assert sum(figures) == summary.totals[column].number
        parcel = report.parcels[3]
        inside, outside = parcel.lines[2].shown.inside, parcel.lines[2].shown.outside
        assert inside.ha.number + outside.ha.number == parcel.shown.ha.number
