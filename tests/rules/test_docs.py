"""The county pack of docs/rules.md works as it stands, and its faults are told as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from controllines.errors import UsageError
from controllines.rules import load_pack
from tests.rules.cases import CITY, PLAIN, RESERVE, city, classed, judge_one, project

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
[COUNTY] = [block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.S) if "[pack]" in block]


@pytest.fixture
def county(tmp_path: Path) -> Path:
    path = tmp_path / "托克逊县规则包.toml"
    path.write_text(COUNTY, encoding="utf-8")
    return path


def test_the_county_pack_of_the_page(county: Path) -> None:
    pack = load_pack(county)
    assert pack.added == ("TKX-01",)
    assert {change.entry for change in pack.changes} == {"classes.nature_reserve", "rules.ER-05"}
    facts = PLAIN | {"category": "photovoltaic"}
    row = next(
        row for row in judge_one(project(city(), facts), pack=pack).verdicts if row.kind == CITY and row.decisive
    )
    assert (row.rule_id, row.requires) == ("TKX-01", ("县级选址论证报告",))
    core = judge_one(project(classed(RESERVE, "缓冲区"), PLAIN), pack=pack)
    assert core.kinds["project", "P", RESERVE] == "prohibited"


def test_its_faults_are_told_as_the_page_says(county: Path) -> None:
    county.write_text(
        COUNTY.replace('"conditional"', '"condtional"').replace('"category"', '"categry"'), encoding="utf-8"
    )
    with pytest.raises(UsageError) as caught:
        load_pack(county)
    assert place(caught.value) in PAGE
    county.write_text(COUNTY.replace('"category"', '"categry"'), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_pack(county)
    assert place(caught.value) in PAGE


def place(error: UsageError) -> str:
    found = error.finding
    assert found.source
    return f"RULE_PACK {Path(found.source).name}:{found.layer}:{found.feature}: {found.message[:12]}"
