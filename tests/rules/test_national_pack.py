"""The national pack says what the law says: letter for letter where the texts are at hand, with its dates and tags."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from controllines.rules.models import HEARSAY
from controllines.rules.packs import load_pack

PACK = load_pack()
#: Documents whose text lies in the folder of laws, by the start of the file's name.
TEXTS = {
    "LML": "土地管理法(", "LMR": "土地管理法实施条例(", "BFR": "基本农田保护条例(", "FSL": "粮食安全保障法(",
    "ECC": "生态环境法典(", "URPL": "城乡规划法(", "FCL": "防洪法(", "RMR": "河道管理条例(", "WPL": "湿地保护法(",
    "SAR": "风景名胜区条例(", "CRL": "文物保护法(", "HCR": "历史文化名城名镇名村保护条例(", "FOL": "森林法(",
    "GRL": "草原法(", "HWR": "公路安全保护条例(", "MRL": "矿产资源法(",
}  # fmt: skip
#: Every row of the rulebook's tables b0–b5; G-01 is the program's own (a missing line is undetermined).
ROWS = {
    *(f"G-0{n}" for n in range(2, 6)),
    *(f"ER-{n:02}" for n in range(1, 18)),
    *(f"PBF-{n:02}" for n in range(1, 25)),
    *(f"CL-{n:02}" for n in range(1, 12)),
    *(f"UDB-{n:02}" for n in range(1, 13)),
    *(f"NR-0{n}" for n in range(1, 6)), *(f"DW-0{n}" for n in range(1, 5)), *(f"RV-0{n}" for n in range(1, 6)),
    *(f"WT-0{n}" for n in range(1, 4)), "SA-01", "SA-02", "CR-01", "CR-02", "HC-01", "GL-01", "BL-01", "YL-01",
    "FO-01", "GR-01", "GR-02", "HW-01",
}  # fmt: skip
_ARTICLE = re.compile(r"第[一二三四五六七八九十百千]+条")


def quotations(known: set[str]) -> list[tuple[str, str, str, str]]:
    return [(rule, basis.document, basis.article, basis.quotation) for rule, entry in PACK.rules.items()
            for basis in entry.basis if basis.quotation and basis.document in known]  # fmt: skip


def article(text: str, number: str) -> str:
    """The text of one article: from its number at the start of a line to the next."""
    found = re.search(rf"(?ms)^\**{number}\**\s.*?(?=^\**第[一二三四五六七八九十百千]+条\**\s|^#|\Z)", text)
    assert found, f"{number} is not in the text"
    return found.group()


@pytest.mark.parametrize(("rule", "document", "where", "quotation"), quotations(set(TEXTS)))
def test_quotations_stand_in_the_law_letter_for_letter(
    rule: str, document: str, where: str, quotation: str, shared: Path
) -> None:
    [path] = [file for file in sorted((shared / "laws").glob("*.md")) if file.name.startswith(TEXTS[document])]
    text = path.read_text(encoding="utf-8")
    number = _ARTICLE.search(where)
    assert number, f"{rule}: a quoted law names its article"
    content = article(text, number.group())
    position = 0
    for part in quotation.split("…"):
        position = content.find(part, position)
        assert position >= 0, f"{rule} {document} {where}: {part} is not in\n{content}"
        position += len(part)


def test_every_row_of_the_rulebook_is_a_rule() -> None:
    assert set(PACK.rules) >= ROWS


def test_what_is_not_verified_decides_nothing() -> None:
    hearsay = [rule for rule in PACK.rules.values() if rule.best in HEARSAY]
    assert hearsay
    assert {rule.level for rule in hearsay} <= {"undetermined", "note"}


def test_no_rule_invents_a_smallest_area() -> None:
    limits = {key: [where.above_m2 or where.share_above or where.depth_above_m for where in rule.where]
              for key, rule in PACK.rules.items()}  # fmt: skip
    assert {key for key, found in limits.items() if any(found)} == {"CL-02", "CL-03"}  # 35 and 70 ha of Article 46


#: Document → first day it is cited, or first day it no longer is; from the documents themselves (rulebook a).
KEY_DATES = {
    "MNR17": (dt.date(2025, 10, 1), True),
    "NPL": (dt.date(2026, 1, 1), True),
    "UDB26": (dt.date(2026, 2, 11), True),
    "NRR": (dt.date(2026, 3, 15), True),
    "NRR17": (dt.date(2026, 3, 15), False),
    "ECC": (dt.date(2026, 8, 15), True),
    "WPPL": (dt.date(2026, 8, 15), False),
    "PTJ22": (dt.date(2024, 1, 3), False),
}


@pytest.mark.parametrize(("document", "day", "begins"), [(key, *value) for key, value in KEY_DATES.items()])
def test_documents_are_in_force_from_and_until_their_days(document: str, day: dt.date, begins: bool) -> None:
    entry = PACK.documents[document]
    assert entry.in_force(day) is begins
    assert entry.in_force(day - dt.timedelta(days=1)) is not begins


def test_chinese_texts_avoid_the_words_a_program_must_not_say() -> None:
    banned = ("同意", "不予", "准予", "通过", "合格", "违法", "无冲突")
    said = {
        f"{key} {part}": text for key, rule in PACK.rules.items()
        for part, text in (("fact", rule.zh.fact), ("conclusion", rule.zh.conclusion), ("authority", rule.authority),
                           ("requires", "、".join(rule.requires)), ("title", rule.title), ("question", rule.question))
    }  # fmt: skip
    assert not [(where, word) for where, text in said.items() for word in banned if word in text]
