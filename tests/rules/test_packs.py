"""Rule packs: what a county writes, what is reported of it, and every fault with file, line and key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from controllines.errors import UsageError
from controllines.findings import Finding
from controllines.rules import described, listed, load_pack
from controllines.rules.toml_lines import key_lines, line_of
from tests.rules.cases import NATIONAL, city, judge_one, project

HEAD = '[pack]\nid = "tkx"\nname = "托克逊县规则包"\nversion = "1"\nextends = "national"\n'
RULE = """
[rules.TKX-01]
title = "戈壁滩单独选址"
line = "urban_boundary"
project = { fact = "category", equals = "single_site" }
level = "conditional"
basis = [
  { document = "LML", article = "第四条", verification = "V" },
]
zh = { fact = "位于边界外{outside}", conclusion = "须落实县级意见" }
en = { fact = "x", conclusion = "y" }
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(text: str, name: str = "county.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return make


def faults(path: Path) -> list[Finding]:
    with pytest.raises(UsageError) as caught:
        load_pack(path)
    return [caught.value.finding, *caught.value.causes]


def place(found: Finding) -> tuple[str, int, str]:
    assert found.code == "RULE_PACK"
    assert found.source
    return Path(found.source).name, int(found.layer or 0), found.feature or ""


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


def where(condition: str) -> tuple[str, str]:
    return 'level = "conditional"', f'level = "conditional"\nwhere = {{ {condition} }}'


# --- faults ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "key", "line", "says"),
    [
        ('level = "conditional"', 'level = "prohibitet"', "rules.TKX-01.level", 11, "prohibitet"),
        ('title = "戈壁滩单独选址"\n', "", "rules.TKX-01.title", 7, "缺少"),
        ('level = "conditional"', 'level = "conditional"\nlavel = 1', "rules.TKX-01.lavel", 12, "不认识的键"),
        ("urban_boundary", "urban_bundary", "rules.TKX-01.line", 9, "urban_bundary"),
        ('"category", equals', '"categry", equals', "rules.TKX-01.project", 10, "categry"),
        ('equals = "single_site"', 'equals = "x"', "rules.TKX-01.project", 10, "single_site"),
        ('fact = "category", equals = "single_site"', 'fact = "linear", equals = "x"', "rules.TKX-01.project", 10,
         "true、false"),
        ('equals = "single_site"', "above = 1", "rules.TKX-01.project", 10, "above"),
        (', equals = "single_site"', "", "rules.TKX-01.project", 10, "one_of"),
        ('document = "LML"', 'document = "LMX"', "rules.TKX-01.basis.0.document", 13, "LMX"),
        ('verification = "V"', 'verification = "W"', "rules.TKX-01.basis.0.verification", 13, "W"),
        ('verification = "V"', 'verification = "U"', "rules.TKX-01", 7, "undetermined"),
        ('verification = "V"', 'verification = "Vf"', "rules.TKX-01", 7, "note"),
        ('\n  { document = "LML", article = "第四条", verification = "V" },\n', "", "rules.TKX-01", 7, "basis"),
        ('conclusion = "须落实县级意见"', 'conclusion = ""', "rules.TKX-01", 7, "zh"),
        ("{outside}", "{area}", "rules.TKX-01.zh.fact", 15, "{area}"),
        ("{outside}", "{outside:.2f}", "rules.TKX-01.zh.fact", 15, "outside"),
        ('conclusion = "须落实县级意见"', 'conclusion = ""', "rules.TKX-01", 7, "conclusion"),
        ('level = "conditional"', 'level = "approval"', "rules.TKX-01", 7, "authority"),
        ('level = "conditional"', 'level = "undetermined"', "rules.TKX-01", 7, "question"),
        ('level = "conditional"', 'level = "conditional"\nvalid_from = "x"', "rules.TKX-01.valid_from", 12, "日期"),
        ('level = "conditional"', 'level = "conditional"\nvalid_from = 2026-02-01\nvalid_to = 2026-01-31',
         "rules.TKX-01", 7, "valid_to"),
        ('level = "conditional"', 'level = "conditional"\noverrides = ["PBF-02"]', "rules.TKX-01.overrides", 12,
         "PBF-02"),
        ('level = "conditional"', 'level = "conditional"\noverrides = ["TKX-01"]', "rules.TKX-01.overrides", 12,
         "TKX-01"),
        ('level = "conditional"', 'level = "conditional"\napproval = "category"', "rules.TKX-01.approval", 12,
         "category"),
        ('level = "conditional"', 'level = "conditional"\nwhere = { classes = ["special"] }',
         "rules.TKX-01.where.0.classes", 12, "inside"),
        ('level = "conditional"', 'level = "conditional"\nwhere = { side = "inside", classes = ["x"] }',
         "rules.TKX-01.where.0.classes", 12, "x"),
        (*where('side = "inside", classes = ["special"], except_classes = ["flexible"]'), "rules.TKX-01.where.0", 12,
         "except_classes"),
        (*where('side = "inside", classes = ["special"], within = { line = "permanent_farmland" }'),
         "rules.TKX-01.where.0.within", 12, "不能同时写"),
        (*where('side = "inside", within = { line = "permanent_farmland" }, without = { line = "nature_reserve" }'),
         "rules.TKX-01.where.0", 12, "within 与 without"),
        (*where('line = "land_use", within = { line = "nature_reserve", classes = ["core"] }'),
         "rules.TKX-01.where.0.within.classes", 12, "地类面积"),
        ('level = "conditional"', 'level = "conditional"\nwhere = { side = "inside", within = { line = "township" } }',
         "rules.TKX-01.where.0.within.line", 12, "township"),
        ('level = "conditional"', 'level = "conditional"\nwhere = { line = "land_use", side = "inside" }',
         "rules.TKX-01.where.0.side", 12, "现状地类"),
        ('level = "conditional"', 'level = "conditional"\nwhere = { line = "township" }',
         "rules.TKX-01.where.0.line", 12, "township"),
        (*where("share_above = 1.5"), "rules.TKX-01.where.0.share_above", 12, "不能大于"),
        (*where("share_at_most = 1.5"), "rules.TKX-01.where.0.share_at_most", 12, "不能大于"),
        (*where("depth_above_m = -1"), "rules.TKX-01.where.0.depth_above_m", 12, "不能小于"),
        ('level = "conditional"', 'level = "conditional"\nwhere = { above_m2 = -1 }',
         "rules.TKX-01.where.0.above_m2", 12, "不能小于"),
        ('line = "urban_boundary"', 'line = "general"\nwhere = { above_m2 = 1 }', "rules.TKX-01.where.0.line", 10,
         "general"),
    ],
)  # fmt: skip
def test_each_fault_names_file_line_and_key(write: Write, old: str, new: str, key: str, line: int, says: str) -> None:
    assert old in RULE
    found = faults(write(HEAD + RULE.replace(old, new)))
    assert [place(item) for item in found] == [("county.toml", line, key)]
    assert says in found[0].message


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


def test_overrides_must_not_go_round(write: Write) -> None:
    second = RULE.replace("TKX-01", "TKX-02").replace("level =", 'overrides = ["TKX-01"]\nlevel =')
    first = RULE.replace("level =", 'overrides = ["TKX-02"]\nlevel =')
    assert {place(item)[2] for item in faults(write(HEAD + first + second))} == {
        "rules.TKX-01.overrides", "rules.TKX-02.overrides"}  # fmt: skip


def test_lines_of_keys() -> None:
    lines = key_lines(
        'a = 1\n[b.c]\nd.e = 2\n"f g" = 3\nlist = [\n  { x = 1 },\n  { x = 2 },\n]\n[[h]]\ni = 4\n[[h]]\ni = 5\n'
    )
    assert line_of(lines, ("a",)) == 1
    assert line_of(lines, ("b", "c", "d", "e")) == 3
    assert line_of(lines, ("b", "c", "f g")) == 4
    assert line_of(lines, ("b", "c", "list", 1, "x")) == 7
    assert line_of(lines, ("h", 1, "i")) == 12
    assert line_of(lines, ("h", 1, "j")) == 11
    assert line_of(lines, ("z",)) == 1


# --- in words -------------------------------------------------------------------------------------------------


def test_rules_in_words(write: Write) -> None:
    pack = load_pack(write(HEAD + 'disables = ["PBF-10"]\n' + RULE))
    lines = list(listed(pack))
    assert lines[0] == f"托克逊县规则包（tkx）1：{len(pack.rules)} 条规则"
    assert "  改动 rules.PBF-10：不适用" in lines
    assert any(line.startswith("TKX-01  须落实条件  [V]  城镇开发边界：") for line in lines)
    said = "\n".join(described(NATIONAL, "PBF-01"))
    assert "批准机关：国务院" in said
    assert "《中华人民共和国土地管理法（2019年修正）》" in said
    assert "非占用永久基本农田重大建设项目类型为不属于" in said
    assert "取代：PBF-02、PBF-13" in said
    assert "「永久基本农田转为建设用地的，由国务院批准」" in said
    assert "「」" not in "\n".join(described(NATIONAL, "PBF-24"))
    assert "起止：—2024-01-02" in "\n".join(described(NATIONAL, "PBF-04"))
    assert "起止" not in said
    assert "任何项目" in "\n".join(described(NATIONAL, "ER-01"))
    assert "，或" in "\n".join(described(NATIONAL, "PBF-08"))
    assert "空间条件：within nature_reserve core" in "\n".join(described(NATIONAL, "ER-01"))
    assert "空间条件：冲突部分，大于零" in said
    with pytest.raises(UsageError, match="RULE_UNKNOWN"):
        list(described(NATIONAL, "X"))


def test_custom_lines_have_their_own_name() -> None:
    assert any("basic_grassland" in line for line in listed(NATIONAL))
