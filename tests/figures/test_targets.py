"""Published targets against measured values; margins by hand."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import controllines as cl
from controllines.figures.targets import PUBLISHED, Target, Targets, read_targets


def targets(sense: str, value: str, nature: str | None = "约束性", unit: str = "平方公里") -> Targets:
    one = Target(name="永久基本农田", nature=nature, sense=sense, value=value, unit=unit, year=2035, quote="…")
    return Targets(version="1", place="某县", title="某规划", targets=(one,))


@pytest.mark.parametrize(("sense", "nature", "km2", "status", "light", "margin"), [
    ("at_least", "约束性", 210.0, "met", "绿", 7.2),
    ("at_least", "约束性", 203.0, "close", "黄", 0.2),  # 1 % of 202.80 is 2.028
    ("at_least", "约束性", 202.796, "close", "黄", -0.004),  # prints as 202.80
    ("at_least", "约束性", 202.79, "broken", "红", -0.01),
    ("at_least", None, 202.79, "broken", "红", -0.01),
    ("at_least", "预期性", 202.79, "close", "黄", -0.01),
    ("at_least", "预期性", 200.0, "broken", "红", -2.8),
    ("at_least", "预期性", 203.0, "met", "绿", 0.2),
    ("at_most", "约束性", 190.0, "met", "绿", 12.8),
    ("at_most", "约束性", 202.0, "close", "黄", 0.8),
    ("at_most", "约束性", 203.0, "broken", "红", -0.2),
    ("equal", "约束性", 202.803, "met", "绿", -0.003),
    ("equal", "约束性", 202.0, "broken", "红", -0.8),
    ("equal", "预期性", 202.0, "close", "黄", -0.8),
])  # fmt: skip
def test_status_and_margin(sense: str, nature: str | None, km2: float, status: str, light: str, margin: float) -> None:
    (row,) = cl.check_targets(targets(sense, "202.80", nature), {"永久基本农田": km2 * 1e6}).frame.itertuples()
    assert (row.status, row.light) == (status, light)
    assert row.margin == pytest.approx(margin, abs=1e-9)
    assert row.margin_share == pytest.approx(margin / 202.8, abs=1e-9)


def test_units_and_names() -> None:
    table = pd.DataFrame({"line": ["永久基本农田"] * 2, "area_m2": [1.5e7, 0.5e7]})
    for measured in (table, {"permanent_farmland": 2e7}, {"永久基本农田": 2e7}):
        (row,) = cl.check_targets(targets("at_least", "2.5", unit="万亩"), measured).frame.itertuples()
        assert row.measured == pytest.approx(3)  # 20 km² are 30 000 亩
        assert row.status == "met"
    percent = Targets(version="1", place="", title="", targets=(
        Target(name="绿色矿山达标率", sense="at_least", value="60", unit="%", quote="…"),))  # fmt: skip
    assert cl.check_targets(percent, {"绿色矿山达标率": 61}).frame["margin"].tolist() == [1]


def test_what_close_means_is_an_option_and_printed() -> None:
    near = {"永久基本农田": 206e6}
    assert cl.check_targets(targets("at_least", "202.80"), near).frame["status"].tolist() == ["met"]
    wide = cl.check_targets(targets("at_least", "202.80"), near, close=0.05)
    assert wide.frame["status"].tolist() == ["close"]
    assert "5%" in wide.rule
    assert wide.rule in wide._repr_html_()
    with pytest.raises(cl.UsageError, match="OPTION_VALUE"):
        cl.check_targets(targets("at_least", "202.80"), near, close=5)


def test_without_a_value_or_a_figure_nothing_is_judged() -> None:
    frame = cl.check_targets("喀什", {"永久基本农田": 1e9, "采矿权总数": 298}).frame.set_index("name")
    assert frame.loc["永久基本农田", "status"] == "unknown"  # 落实自治区下达目标
    assert frame.loc["永久基本农田", "measured"] == pytest.approx(150)
    assert frame.loc["采矿权总数", "status"] == "close"
    assert frame.loc["耕地保有量", ["status", "light"]].tolist() == ["unknown", "—"]
    assert pd.isna(frame.loc["耕地保有量", "margin"])


HEAD = 'version="1"\nplace="a"\ntitle="b"\n[[targets]]\nname="c"\nunit="%"\nquote="q"\n'


@pytest.mark.parametrize("text", [
    "version = 1", "[[targets]]", HEAD + 'sense="at_least"', HEAD + 'sense="more"\nvalue="1"',
    HEAD + 'sense="equal"\nvalue="1,5"',
])  # fmt: skip
def test_a_wrong_file_is_a_usage_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.toml").write_text(text, encoding="utf-8")
    with pytest.raises(cl.UsageError, match="TARGETS_FILE"):
        cl.check_targets(tmp_path / "t.toml", {})


@pytest.mark.parametrize("place", PUBLISHED)
def test_every_published_target_quotes_its_source(shared: Path, place: str) -> None:
    text = next((shared / "texts").glob(f"{place}*.txt"), None)
    if text is None:
        pytest.skip("no real texts")
    said = "".join(text.read_text(encoding="utf-8").split()).replace("（", "(").replace("）", ")")
    for target in read_targets(place).targets:
        assert str(target.value or target.text) in said
        quote = target.quote.replace("（", "(").replace("）", ")").replace("2020年", "").replace("2025年", "")
        for part in (
            quote.replace("2035年", "").removeprefix("表1").removeprefix("专栏3-1").replace("……", "　").split("　")
        ):
            assert part.strip("到至，") in said.replace("2035年", "").replace("2025年", ""), target.name


def test_the_demo_county_keeps_its_published_targets(tmp_path: Path) -> None:
    plan = cl.open_plan(Path(__file__).resolve().parents[2] / "data/demo/规划/plan.toml")
    table = cl.tabulate(plan, of=["生态保护红线", "永久基本农田", "城镇开发边界"], by="乡镇")
    found = cl.check_targets("托克逊", table, year=2035)
    assert found.frame[["name", "status", "light"]].to_numpy().tolist()[:3] == [
        ["生态保护红线", "met", "绿"], ["永久基本农田", "close", "黄"], ["城镇开发边界", "close", "黄"],
    ]  # fmt: skip
    (tmp_path / "a.txt").write_text("划定生态保护红线共55.07平方千米。", encoding="utf-8")
    audit = cl.audit_figures(tmp_path / "a.txt", plan)
    assert audit.frame["verdict"].tolist() == ["agrees"]
    held = cl.check_targets("托克逊", audit.measured, year=2035)
    pd.testing.assert_frame_equal(held.frame.head(3), found.frame.head(3))
    xlsx, mark = cl.write_audit(audit, tmp_path / "out", targets=held)
    assert json.loads(mark.read_text(encoding="utf-8"))["targets"]["close"] == 0.01
    sheet = openpyxl.load_workbook(xlsx)["指标达标情况"]
    assert [sheet.cell(row, 9).value for row in (4, 5, 6)] == ["达标", "接近", "接近"]
