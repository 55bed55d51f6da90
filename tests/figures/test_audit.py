"""The audit as a whole: the real texts, the map, the folder and the command line."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

import controllines as cl
from tests.commands import call


def audited(tmp_path: Path, text: str, plan: cl.Plan | None = None) -> cl.FigureAudit:
    (tmp_path / "文本.txt").write_text(text, encoding="utf-8")
    return cl.audit_figures(tmp_path / "文本.txt", plan)


def test_a_line_without_a_layer_is_said_not_to_be_compared(tmp_path: Path) -> None:
    boundary = gpd.GeoDataFrame({"BSM": ["1"]}, geometry=[shapely.box(80, 40, 80.01, 40.01)], crs="EPSG:4490")
    county = boundary.assign(XZQDM="654202", XZQMC="乌苏市")
    audit = audited(
        tmp_path, "生态保护红线3.00平方千米。", cl.open_plan({"county": county, "urban_boundary": boundary})
    )
    assert audit.frame.empty
    assert [item.code for item in audit.findings] == ["FIGURES_NOT_MEASURED"] * 2
    assert "生态保护红线" in audit.findings[0].message
    assert "永久基本农田" in audit.findings[1].message


@pytest.fixture(scope="module")
def real(shared: Path) -> cl.FigureAudit:
    if not (shared / "texts").is_dir():
        pytest.skip("no real texts")
    return cl.audit_figures(shared / "texts")


def test_exactly_three_pairs_of_the_real_texts_disagree(real: cl.FigureAudit) -> None:
    pairs = real.frame[real.frame["check"] == "pair"]
    wrong = pairs[pairs["verdict"] == "differs"]
    assert [stated.split("公顷")[0] for stated in wrong["stated"]] == ["1843.24", "1300.47", "542.77"]
    assert set(wrong["file"].map(lambda path: Path(path).name)) == {"巴楚县2026年度国有建设用地供应计划.txt"}
    assert len(pairs) == 19
    assert set(pairs["verdict"]) == {"agrees", "differs"}


def test_the_seven_supply_classes_add_up(real: cl.FigureAudit) -> None:
    sums = real.frame[real.frame["compared"].str.startswith("7个分项之和1843.24公顷")]
    assert sums["verdict"].tolist() == ["agrees"]
    assert sums["stated"].tolist() == ["1843.24公顷"]


def test_every_other_alarm_was_read_and_is_true(real: cl.FigureAudit) -> None:
    """19505.83 + 8151.59 = 27657.42, printed 27647.42; 542.77 ÷ 1843.24 = 29.4465 %, printed 29.44 %;
    6.285525 + 1.772825 + 4.97154 + 0.39549 = 13.42538, printed 13.42548."""
    alarms = real.frame[real.frame["verdict"].isin(["differs", "query"]) & (real.frame["check"] != "pair")]
    assert alarms[["check", "verdict", "stated"]].to_numpy().tolist() == [
        ["sum", "differs", "27647.42亩"], ["share", "differs", "29.44%"], ["sum", "query", "13.42548万亩"],
    ]  # fmt: skip
    assert alarms["difference"].tolist() == pytest.approx([-10, -0.0065181, 0.0001], rel=1e-4)


def test_notebook_view(tmp_path: Path) -> None:
    view = audited(tmp_path, "耕地10.00公顷（160.00亩）。")._repr_html_()
    assert "不符 1" in view
    assert "160.00亩" in view


def test_command_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("耕地10.00公顷（160.00亩）。", encoding="gb18030")
    done = call("figures", "a.txt", "--out", tmp_path / "out", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "不符 1" in done.out
