"""Printed tables: half up from unrounded values, totals both ways, shares, nothing printed that was not measured."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from controllines.tables import TOTAL, AreaTable

HECTARE = 10_000.0


def table(rows: list[tuple[str, str, str, float, float]]) -> AreaTable:
    names = ["line", "township", "planning_zone", "area_m2", "net_area_m2"]
    frame = pd.DataFrame(rows, columns=names).assign(planar_area_m2=lambda f: f["area_m2"] + 1, pieces=1)
    headings = {"township": "乡镇", "planning_zone": "规划分区"}
    frame = frame.assign(**{f"{key}_code": "代码" + frame[key] for key in headings})
    units = {key: tuple((f"代码{name}", name) for name in dict.fromkeys(frame[key])) for key in headings}
    return AreaTable(frame=frame, by=("township", "planning_zone"), headings=headings, units=units, provenance={})


@pytest.fixture
def crossed() -> AreaTable:
    return table([
        ("永久基本农田", "甲镇", "一区", 12_345.0, 10_000.0), ("永久基本农田", "甲镇", "二区", 50.0, 40.0),
        ("永久基本农田", "乙镇", "二区", 29_999.0, 20_000.0), ("生态保护红线", "乙镇", "一区", 5 * HECTARE, np.nan),
    ])  # fmt: skip


def test_one_line_by_two_units_with_totals(crossed: AreaTable) -> None:
    printed = crossed.pivot(line="永久基本农田")
    assert (printed.index.name, list(printed.index)) == ("乡镇", ["甲镇", "乙镇", TOTAL])
    assert (printed.columns.name, list(printed.columns)) == ("规划分区", ["一区", "二区", TOTAL])
    true = np.array([[1.2345, 0.005, 1.2395], [0.0, 2.9999, 2.9999], [1.2345, 3.0049, 4.2394]])
    assert (np.abs(printed.to_numpy() - true) < 0.01).all()  # each is one of the two figures next to the true one
    cells = (printed.to_numpy() * 100).round().astype(int)
    assert (cells[:, :2].sum(axis=1) == cells[:, 2]).all()
    assert (cells[:2].sum(axis=0) == cells[2]).all()
    assert printed.attrs == {"unit": "公顷", "decimals": 2}


def test_all_lines_have_a_column_group_each(crossed: AreaTable) -> None:
    printed = crossed.pivot()
    every = [(line, zone) for line in ("永久基本农田", "生态保护红线") for zone in ("一区", "二区", TOTAL)]
    assert list(printed.columns) == every
    assert printed.loc[TOTAL, ("生态保护红线", "二区")] == 0.0  # every unit is listed, with or without land
    assert printed.loc[TOTAL, ("生态保护红线", TOTAL)] == 5.0
    assert printed.columns.names == ["控制线", "规划分区"]


@pytest.mark.parametrize(
    ("unit", "decimals", "expected"),
    [("平方米", 0, 12_345.0), ("亩", 2, 18.52), ("公顷", 4, 1.2345), ("平方公里", 2, 0.01), ("万亩", 4, 0.0019)],
)  # 12 345 m² = 18.5175 亩 = 0.001 851 75 万亩
def test_units(crossed: AreaTable, unit: str, decimals: int, expected: float) -> None:
    assert crossed.pivot(unit, decimals, line="永久基本农田").loc["甲镇", "一区"] == expected


@pytest.mark.parametrize(("m2", "printed"), [(50.0, 0.01), (150.0, 0.02), (250.0, 0.03), (249.9, 0.02)])
def test_a_lone_figure_is_rounded_half_up(m2: float, printed: float) -> None:
    assert table([("红", "甲", "一", m2, 0.0)]).pivot(line="红").loc["甲", "一"] == printed


def test_printed_figures_add_up_where_rounding_each_would_not() -> None:
    rows = [("红", name, "一", m2, 0.0) for name, m2 in (("甲", 50.0), ("乙", 150.0), ("丙", 250.0))]
    figures = table(rows).pivot(line="红")["一"].tolist()  # half up: 0.01 + 0.02 + 0.03, but their sum is 0.045
    assert round(sum(figures[:3]), 2) == figures[3]
    assert figures[3] in (0.04, 0.05)


def test_planar_and_net_measures(crossed: AreaTable) -> None:
    assert crossed.pivot("平方米", 0, line="永久基本农田", measure="planar_area_m2").loc["甲镇", "一区"] == 12_346
    assert crossed.pivot("平方米", 0, line="永久基本农田", measure="net_area_m2").loc[TOTAL, TOTAL] == 30_040


def test_what_was_not_measured_is_never_printed_as_zero(crossed: AreaTable) -> None:
    printed = crossed.pivot("平方米", 0, measure="net_area_m2")
    assert np.isnan(printed.loc["乙镇", ("生态保护红线", "一区")])
    assert np.isnan(printed.loc[TOTAL, ("生态保护红线", TOTAL)])
    assert printed.loc["甲镇", ("永久基本农田", TOTAL)] == 10_040


def test_an_unknown_net_area_makes_its_totals_unknown() -> None:
    rows = [("田", "甲", "一", 100.0, 90.0), ("田", "甲", "二", 100.0, np.nan), ("田", "乙", "一", 100.0, 80.0)]
    printed = table(rows).pivot("平方米", 0, line="田", measure="net_area_m2")
    assert printed.loc["甲", "一"] == 90
    assert printed.loc[TOTAL, "一"] == 170
    assert printed.loc["乙", TOTAL] == 80
    for cell in (("甲", "二"), ("甲", TOTAL), (TOTAL, "二"), (TOTAL, TOTAL)):
        assert np.isnan(printed.loc[cell]), cell


def test_one_unit_gives_one_column_per_line() -> None:
    whole = table([("红", "甲", "一", HECTARE, 0.0), ("田", "乙", "一", 2 * HECTARE, 0.0)])
    one = AreaTable(
        frame=whole.frame.drop(columns="planning_zone"), by=("township",), headings=whole.headings, units=whole.units,
        provenance={},
    )  # fmt: skip
    assert one.pivot().to_dict() == {"红": {"甲": 1.0, "乙": 0.0, TOTAL: 1.0}, "田": {"甲": 0.0, "乙": 2.0, TOTAL: 2.0}}


def test_share_is_of_the_line(crossed: AreaTable) -> None:
    shares = crossed.share()
    np.testing.assert_allclose(shares["share"], [12_345 / 42_394, 50 / 42_394, 29_999 / 42_394, 1.0], rtol=1e-15)


def test_html_names_unit_and_convention_and_escapes(crossed: AreaTable) -> None:
    html = crossed._repr_html_()
    assert "公顷" in html
    assert "椭球面积" in html
    assert re.findall(r"<h4>(.*?)</h4>", html) == ["永久基本农田", "生态保护红线"]
    assert "1.23" in html
    hostile = table([("<script>alert(1)</script>", "<b>甲</b>", "一", HECTARE, 0.0)])
    assert "<script>" not in hostile._repr_html_()
    assert "<b>甲" not in hostile._repr_html_()
