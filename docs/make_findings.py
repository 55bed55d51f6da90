"""Writes docs/findings.md from the catalogue of findings; ``make docs`` runs it."""

from __future__ import annotations

import re
from pathlib import Path

from controllines.findings import SEVERITIES, Entry, catalogue

PAGE = Path(__file__).with_name("findings.md")
SEVERITY_ZH = {"error": "错误", "repair": "修复", "warning": "警告", "info": "说明"}
HEAD = """# 问题目录 (findings)

由 `make docs` 从 `src/controllines/data/findings.toml` 生成，请勿手改。 Generated; do not edit.

`{}` 内是运行时填入的值。级别：错误（输入被排除或无法核对）、修复（已修复并留痕）、警告（结果可用，须留意）、说明。

| 代码 | 级别 | 内容 | 处理办法 | 原因 |
|---|---|---|---|---|
"""


def page() -> str:
    """Return the whole page, by severity and then by code."""
    entries = sorted(catalogue().values(), key=lambda entry: (SEVERITIES.index(entry.severity), entry.code))
    return HEAD + "".join(_row(entry) for entry in entries)


def _row(entry: Entry) -> str:
    cells = (f"`{entry.code}`", SEVERITY_ZH[entry.severity], entry.message, entry.fix, entry.cause)
    return "| " + " | ".join(re.sub(r"\s+", " ", cell).replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
