"""Which projects get a form, under which name, and with which picture."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pytest
from docx import Document

import controllines as cl
from controllines.errors import UsageError
from controllines.plots import picture
from controllines.report import FormOptions, forms
from controllines.report.model import build


def test_file_names_are_ours_short_and_unique_without_case() -> None:
    named = [("../../etc/passwd", "长" * 300), ("a:b*?", "x"), ("A:B*?", "X"), ("CON", ""), ("", "")]
    made = forms.file_names([SimpleNamespace(project_id=key, name=name) for key, name in named])
    stems = [Path(name).stem for name in made]
    assert all(Path(name).parent == Path("核对表") for name in made)
    assert all(len(stem) <= 60 for stem in stems)
    assert len({stem.casefold() for stem in stems}) == len(stems)
    assert stems[3] == "_CON"
    assert not any(sign in stem for stem in stems for sign in '\\/:*?"<>|')


def test_projects_that_are_clear_need_no_form_where_there_are_many(
    two_projects: cl.CheckResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P/1 lies in farmland, =2+2 outside the boundary; here a reviewer's level makes the first clear."""
    projects = two_projects.projects.assign(verdict=["clear", None])
    result = dataclasses.replace(two_projects, projects=projects)
    rows = build(two_projects).projects
    assert [row.project_id for row in rows] == ["P/1", "=2+2"]
    assert forms.chosen(rows, result, "all") == forms.chosen(rows, result, None) == list(rows)
    assert [row.project_id for row in forms.chosen(rows, result, "not-clear")] == ["=2+2"]  # not judged is not clear
    monkeypatch.setattr(forms, "MANY", 1)
    assert [row.project_id for row in forms.chosen(rows, result, None)] == ["=2+2"]
    assert forms.chosen(rows, result, "all") == list(rows)
    with pytest.raises(UsageError, match="docx-for") as caught:
        FormOptions(docx_for="some")
    assert caught.value.finding.code == "OPTION_VALUE"


def test_forms_left_out_are_said(two_projects: cl.CheckResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "_picture", lambda *_: (None, []))
    result = dataclasses.replace(two_projects, projects=two_projects.projects.assign(verdict=["clear", "prohibited"]))
    told: list[str] = []
    names, found = forms.write(result, build(result), tmp_path, FormOptions(docx_for="not-clear"), tell=told.append)
    assert names == {"=2+2": "核对表/=2+2_二期.docx"}
    assert [path.name for path in (tmp_path / "核对表").iterdir()] == ["=2+2_二期.docx"]
    assert [(item.code, item.actual, item.expected) for item in found] == [("DOCX_ONLY_NOT_CLEAR", "1", "2")]
    assert told == ["写出核对表 1/1"]


def test_without_a_font_the_form_comes_without_its_picture(
    two_projects: cl.CheckResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture.chinese_font.cache_clear()
    monkeypatch.setattr(picture, "FAMILIES", ("没有这种字体",))
    monkeypatch.delenv(picture.FONT_VARIABLE, raising=False)
    try:
        cl.write_report(two_projects, tmp_path / "out", formats=["docx"])
        content = (tmp_path / "out" / "result.json").read_text(encoding="utf-8")
        assert "PICTURE_NO_FONT" in content
        form = Document(str(next((tmp_path / "out" / "核对表").iterdir())))
        assert not form.inline_shapes
    finally:
        monkeypatch.undo()
        picture.chinese_font.cache_clear()
