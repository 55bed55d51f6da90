"""Rule packs: what a county writes, what is reported of it, and every fault with file, line and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from controllines.errors import UsageError
from controllines.rules.packs import load_pack
from tests.rules.cases import CITY, NATIONAL, PLAIN, RESERVE, city, classed, judge_one, project
from tests.rules.county import HEAD, RULE, Write, faults, place, told

# --- extending ------------------------------------------------------------------------------------------------


def test_a_county_adds_changes_and_disables(write: Write) -> None:
    changed = '[rules.UDB-05]\nauthority = ""\nrequires = ["县级说明"]\n[documents.LML]\nnote = "县"\n'
    names = '[classes.urban_boundary]\nspecial = ["特殊用途区"]\nown = ["自留区"]\n'
    pack = load_pack(write(HEAD + 'disables = ["PBF-10"]\n' + RULE + changed + names))
    assert pack.added == ("TKX-01",)
    assert {(change.entry, change.keys) for change in pack.changes} == {
        ("rules.UDB-05", ("authority", "requires")), ("documents.LML", ("note",)),
        ("classes.urban_boundary", ("special",)), ("rules.PBF-10", ()),
    }  # fmt: skip
    assert "PBF-10" not in pack.rules
    assert pack.rules["UDB-05"].requires == ("县级说明",)
    assert pack.rules["UDB-05"].level == NATIONAL.rules["UDB-05"].level
    assert pack.classes["urban_boundary"]["special"] == (*NATIONAL.classes["urban_boundary"]["special"], "特殊用途区")
    said = pack.record()
    assert (said["extends"]["id"], said["added"], said["sha256"]) == ("national", ["TKX-01"], pack.sha256)
    assert {"entry": "rules.PBF-10", "keys": []} in said["changes"]
    assert "extends" not in NATIONAL.record() or NATIONAL.record()["extends"] is None


def test_the_county_rule_judges(write: Write) -> None:
    pack = load_pack(write(HEAD + RULE))
    found = judge_one(project(city(), {"category": "single_site"}), pack=pack)
    assert "TKX-01" in {row.rule_id for row in found.verdicts}


def test_packs_may_extend_packs_in_files_and_folders(write: Write, tmp_path: Path) -> None:
    (tmp_path / "region").mkdir()
    write(HEAD.replace("tkx", "region"), "region/a.toml")
    write(RULE, "region/b.toml")
    pack = load_pack(write(HEAD.replace('"national"', '"region"'), "county.toml"))
    assert pack.base is not None
    assert pack.base.base is NATIONAL
    assert "TKX-01" in pack.rules
    assert pack.added == ()


def test_a_pack_says_which_lines_it_lays_over_each_other(write: Write) -> None:
    inside = 'level = "conditional"\nwhere = { side = "inside", within = { line = "permanent_farmland" } }'
    pack = load_pack(write(HEAD + RULE.replace('level = "conditional"', inside)))
    assert pack.pairs() - NATIONAL.pairs() == {("urban_boundary", "permanent_farmland")}
    assert {("ecological_redline", "nature_reserve"), ("permanent_farmland", "urban_boundary")} <= NATIONAL.pairs()
    assert not {pair for pair in NATIONAL.pairs() if "land_use" in pair}


def test_the_sum_covers_every_file(write: Write) -> None:
    first = load_pack(write(HEAD + RULE)).sha256
    assert load_pack(write(HEAD + RULE)).sha256 == first
    assert load_pack(write(HEAD + RULE + "# \n")).sha256 != first


# --- faults ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "key", "line", "says"),
    [
        ('level = "conditional"', 'level = "prohibitet"', "rules.TKX-01.level", 11, "prohibitet"),
        ('title = "戈壁滩单独选址"\n', "", "rules.TKX-01.title", 7, "缺少"),
        ('level = "conditional"', 'level = "conditional"\nlavel = 1', "rules.TKX-01.lavel", 12, "不认识的键"),
        (', equals = "single_site"', "", "rules.TKX-01.project", 10, "one_of"),
        ('level = "conditional"', 'level = "conditional"\nvalid_from = "x"', "rules.TKX-01.valid_from", 12, "日期"),
    ],
)  # fmt: skip
def test_each_fault_names_file_line_and_key(write: Write, old: str, new: str, key: str, line: int, says: str) -> None:
    at, message = told(write, old, new)
    assert at == ("county.toml", line, key)
    assert says in message


def test_all_faults_are_told_at_once(write: Write) -> None:
    broken = RULE.replace('level = "conditional"', 'level = "x"').replace("{outside}", "{y}")
    assert [place(item)[2] for item in faults(write(HEAD + broken))] == ["rules.TKX-01.level", "rules.TKX-01.zh.fact"]


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ('[pack]\nid = "a b"\nname = "n"\nversion = "1"\n', "pack.id", 2),
        ('[pack]\nid = "a"\nversion = "1"\n', "pack.name", 1),
        (HEAD + 'disables = ["X"]\n', "pack.disables", 6),
        (HEAD + "[rule.X]\n", "rule", 1),
        (HEAD + '[documents.X]\ntitle = "t"\nconfidence = "V"\nsupersedes = ["Y"]\n', "documents.X.supersedes", 9),
        (HEAD + '[classes.urban_boundary]\nspecial = "x"\n', "classes.urban_boundary.special", 7),
        (HEAD + '[classes.township]\na = ["x"]\n', "classes.township", 6),
        (HEAD + '[classes.urban_boundary]\nunknown = ["x"]\n', "classes.urban_boundary.unknown", 7),
        (HEAD + "[classes]\nurban_boundary = 1\n", "classes.urban_boundary.", 7),
        (HEAD + "[rules]\nX = 1\n", "rules.X", 7),
    ],
)
def test_faults_outside_rules(write: Write, text: str, key: str, line: int) -> None:
    [found] = faults(write(text))
    assert place(found)[::2] == ("county.toml", key)
    assert place(found)[1] in (line, 6)


def test_not_toml(write: Write) -> None:
    [found] = faults(write("[pack\n"))
    assert "line 1" in found.message
    path = write("")
    path.write_bytes(b"\xff\xfe")
    [found] = faults(path)
    assert found.code == "RULE_PACK"


def test_an_entry_twice_in_one_folder(write: Write, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    write(HEAD + RULE, "p/a.toml")
    write(RULE, "p/b.toml")
    [found] = faults(tmp_path / "p")
    assert place(found) == ("b.toml", 2, "rules.TKX-01")


def test_no_such_pack(tmp_path: Path) -> None:
    for missing in (tmp_path / "x.toml", tmp_path):
        with pytest.raises(UsageError) as caught:
            load_pack(missing)
        assert caught.value.finding.code == "RULE_PACK_MISSING"


def test_a_pack_must_not_extend_itself(write: Write) -> None:
    write(HEAD.replace('"national"', '"county.toml"'), "other.toml")
    [found] = faults(write(HEAD.replace('"national"', '"other.toml"')))
    assert "继承" in found.message


# --- the county pack of docs/rules.md -------------------------------------------------------------------------

PAGES = [(Path(__file__).resolve().parents[2] / "docs" / name).read_text(encoding="utf-8")
         for name in ("rules.md", "en/rules.md")]  # fmt: skip
[COUNTY] = [block for block in re.findall(r"```toml\n(.*?)```", PAGES[0], re.S) if "[pack]" in block]


@pytest.fixture
def county(write: Write) -> Path:
    return write(COUNTY, "托克逊县规则包.toml")


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
    assert all(as_on_the_page(caught.value) in page for page in PAGES)
    county.write_text(COUNTY.replace('"category"', '"categry"'), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_pack(county)
    assert all(as_on_the_page(caught.value) in page for page in PAGES)


def as_on_the_page(error: UsageError) -> str:
    found = error.finding
    assert found.source
    return f"RULE_PACK {Path(found.source).name}:{found.layer}:{found.feature}: {found.message[:12]}"
