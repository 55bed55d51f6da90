import ast
import runpy
import string
from pathlib import Path

import pytest

from controllines.findings import LISTED_PER_CODE, SEVERITIES, Finding, catalogue, finding, listed

REPOSITORY = Path(__file__).resolve().parents[1]
MAKER = runpy.run_path(str(REPOSITORY / "docs" / "make_findings.py"))
FORBIDDEN = ("同意", "不予", "准予", "通过", "合格", "违法", "无冲突")


@pytest.mark.parametrize("code", catalogue())
def test_entry_is_complete(code):
    entry = catalogue()[code]
    assert code == code.upper()
    assert entry.severity in SEVERITIES
    assert entry.message
    assert entry.cause
    assert entry.fix or entry.severity == "info"
    sentences = entry.message + entry.fix + entry.cause
    assert not [word for word in FORBIDDEN if word in sentences]
    fields = [name for _, name, _, _ in string.Formatter().parse(entry.message + entry.fix) if name is not None]
    assert all(fields), "a field without a name cannot be filled"


def codes_in_source():
    """String constants of the source; codes passed to ``finding`` and ``….of`` separately."""
    constants, passed = set(), set()
    for path in (REPOSITORY / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                constants.add(node.value)
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in {"finding", "of"} and isinstance(node.args[0].value, str):
                    passed.add(node.args[0].value)
    return constants, passed


def test_the_source_and_the_catalogue_know_the_same_codes():
    constants, passed = codes_in_source()
    assert passed - set(catalogue()) == set(), "raised, but not in the catalogue"
    assert set(catalogue()) - constants == set(), "in the catalogue, but never raised"


def test_the_pages_of_findings_are_current():
    for path, page in MAKER["pages"]().items():
        assert path.read_text(encoding="utf-8") == page, "run `make docs`"


def placeholders(text):
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def test_every_code_has_its_english_sentences():
    english = MAKER["english"]()
    assert english.keys() == catalogue().keys()
    for code, entry in catalogue().items():
        for part in ("message", "fix", "cause"):
            ours, theirs = getattr(entry, part), getattr(english[code], part)
            assert placeholders(ours) == placeholders(theirs), (code, part)
            assert bool(ours) == bool(theirs), (code, part)


def test_finding_fills_its_sentence_and_keeps_its_place():
    made = finding("GEOMETRY_NOT_POLYGON", source=Path("a.shp"), layer="甲", feature=7, xy=(1, 2), actual="Point")
    assert made == Finding(
        code="GEOMETRY_NOT_POLYGON", severity="error", message="要素 7 不是面，而是 Point", fix=made.fix,
        source="a.shp", layer="甲", feature="7", x=1.0, y=2.0, actual="Point",
    )  # fmt: skip
    assert str(made) == f"GEOMETRY_NOT_POLYGON a.shp:甲:7: 要素 7 不是面，而是 Point; {made.fix}"


def test_finding_without_a_place():
    made = Finding(code="X", severity="info", message="说明")
    assert str(made) == "X: 说明"


def test_unknown_code_is_a_programming_error():
    with pytest.raises(KeyError):
        finding("NO_SUCH_CODE")


def test_listed_is_capped_per_code_and_layer_and_counts_all():
    many = [Finding(code="A", severity="info", message="", layer="一", feature=str(i)) for i in range(LISTED_PER_CODE)]
    extra = Finding(code="A", severity="info", message="", layer="一", feature="extra")
    other = Finding(code="A", severity="info", message="", layer="二")
    kept, counts = listed([*many, extra, other])
    assert kept == [*many, other]
    assert counts == {"A": LISTED_PER_CODE + 2}
