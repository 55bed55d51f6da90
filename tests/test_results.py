"""The result: one sentence, one table, and findings that are capped but counted."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from controllines.findings import LISTED_PER_CODE, finding
from controllines.kinds import three_lines
from controllines.pipeline import CheckOptions, check
from controllines.results import CheckResult, counts, findings_frame, level_table, levels, outcome_table, summary_line
from tests.builders import RED, here, layer, make_plan

X, Y = 30_385_000, 4_738_000


def frame(*boxes: tuple[float, float, float, float], **columns: list[object]) -> gpd.GeoDataFrame:
    shapes = [shapely.box(X + w, Y + s, X + e, Y + n) for w, s, e, n in boxes]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4518")


@pytest.fixture(scope="module")
def result() -> CheckResult:
    """a lies in the redline, b beside it; the boundary is not in the plan."""
    plan = {
        "ecological_redline": frame((0, 0, 100, 100), BSM=["r1"]),
        "permanent_farmland": frame((500, 0, 600, 100), BSM=["f1"], DLBM=["0102"], KCXS=[0.1]),
        "county": frame((-1000, -1000, 1000, 1000), XZQDM=["650422"], XZQMC=["县"]),
    }
    parcels = frame((10, 10, 20, 20), (200, 0, 210, 10), DKBH=["a", "b<i>"])
    return check(parcels, plan, as_of="2026-11-21")


def test_one_sentence(result: CheckResult) -> None:
    said = summary_line(result)
    measured = "2 个地块已核对，0 个被排除；存在冲突：生态保护红线 1，永久基本农田 0，城镇开发边界 0（未能核对 2）"
    assert said == f"{measured}；地块判定：待核实 2"  # the boundary is missing
    assert repr(result) == f"CheckResult({said})"


def test_outcomes_by_line(result: CheckResult) -> None:
    expected = pd.DataFrame(
        {"冲突": [1, 0, 0], "无重叠": [1, 2, 0], "无数据": [0, 0, 2], "核对失败": [0, 0, 0]},
        index=pd.Index(["生态保护红线", "永久基本农田", "城镇开发边界"], name="控制线"),
    )
    pd.testing.assert_frame_equal(outcome_table(result), expected, check_dtype=False)


def test_html_has_sentence_and_table(result: CheckResult) -> None:
    html = result._repr_html_()
    assert summary_line(result) in html
    assert html.count("<tr") == 2 * (1 + len(three_lines()) + 1)  # outcomes and levels, two rows of headings each
    assert "<i>" not in html


def test_levels_by_line(result: CheckResult) -> None:
    table = level_table(result)
    assert list(table.index) == ["生态保护红线", "永久基本农田", "城镇开发边界"]
    assert table.loc["永久基本农田", "不涉及（边界内）"] == 2
    assert table["待核实"].tolist() == [1, 0, 2]
    assert set(levels(result)) == {"undetermined"}


def test_without_rules_nothing_is_judged() -> None:
    plan = {"ecological_redline": frame((0, 0, 100, 100), BSM=["r1"])}
    result = check(frame((10, 10, 20, 20), DKBH=["a"]), plan, as_of="2026-11-21", options=CheckOptions(rules="none"))
    assert result.verdicts.empty
    assert levels(result) == []
    assert level_table(result).empty
    assert result.parcels["verdict"].isna().all()
    assert result.projects["verdict"].isna().all()
    assert result.provenance["rule_pack"] is None
    assert "地块判定" not in summary_line(result)


def test_findings_are_capped_per_code_and_layer_but_counted() -> None:
    many = [finding("GEOMETRY_MISSING", source="a.gpkg", layer="L", feature=n) for n in range(LISTED_PER_CODE + 5)]
    other = [finding("GEOMETRY_MISSING", source="a.gpkg", layer="M", feature=1)]
    table, counts = findings_frame([*many, *other])
    assert len(table) == LISTED_PER_CODE + 1
    assert counts == {"GEOMETRY_MISSING": LISTED_PER_CODE + 6}
    assert list(table.columns) == ["code", "severity", "source", "layer", "feature", "x", "y", "message", "expected",
                                   "actual", "fix"]  # fmt: skip


def test_the_same_finding_twice_is_one() -> None:
    twice = [finding("CRS_WGS84", source="a.gpkg", actual="WGS 84")] * 2
    table, counts = findings_frame(twice)
    assert len(table) == 1
    assert counts == {"CRS_WGS84": 1}


def test_no_findings_still_have_columns() -> None:
    table, counts = findings_frame([])
    assert table.empty
    assert "severity" in table
    assert counts == {}


def test_counts_of_a_result_hold_applications_and_plan() -> None:
    plan = make_plan(**{RED: layer([here(0, 0, 10, 10), None], BSM=["r1", "r2"])})
    result = check(layer([here(0, 0, 5, 5), None, here(20, 0, 30, 9)], DKBH=["a", "b", "c"]), plan, as_of="2026-11-21")
    table = counts(result)
    assert table[["features_in", "used", "excluded"]].to_numpy().tolist() == [[3, 2, 1], [2, 1, 1], [1, 1, 0]]
    assert (table["features_in"] == table["used"] + table["excluded"]).all()
