"""The opinion form in Word: what it says, as Word would read it back, and what a template cannot do."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

import controllines as cl
from controllines.errors import UsageError
from controllines.report import FormOptions, docx, forms
from controllines.report.model import build
from controllines.report.opinion import opinion
from tests.builders import here, make_plan, parcels
from tests.report.conftest import HOSTILE
from tests.report.readback import texts

STATEMENT = "本核对结果由软件按所列数据版本和规则生成"


@pytest.fixture(scope="module")
def result(two_projects: cl.CheckResult) -> cl.CheckResult:
    return two_projects


@pytest.fixture(scope="module")
def folder(result: cl.CheckResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("forms") / "out"
    cl.write_report(result, out, formats=["docx", "xlsx"], form=FormOptions(marking="内部资料"))
    return out


def test_one_form_for_each_project_listed_in_the_commit_mark(folder: Path) -> None:
    names = sorted(path.name for path in (folder / "核对表").iterdir())
    assert names == ["=2+2_二期.docx", "P_1_一期_b_{{7_7}}.docx"]
    assert all(f"核对表/{name}" in (folder / "result.json").read_text(encoding="utf-8") for name in names)


def test_form_says_what_was_measured_and_by_which_data(folder: Path, result: cl.CheckResult) -> None:
    said = texts(next(path for path in (folder / "核对表").iterdir() if "P_1" in path.name))
    row = result.project_overlaps.set_index(["project_id", "kind"]).loc[("P/1", "permanent_farmland")]
    # 50 × 100 m of the first parcel and all of the second one's 50 × 80 m: 9 000 m² in the plane of the zone
    assert row["area_m2"] == pytest.approx(9000, rel=5e-4)
    assert f"{row['area_m2'] / 1e4:.4f}公顷" in said
    phrases = [
        "三条控制线套合核对表", "经将申报用地范围与下列数据套合核对", "不涉及生态保护红线", "部分位于城镇开发边界内",
        "审查意见", "核对人", "科室负责人", "对照数据", "耕地", "水浇地", "建设用地", result.provenance["run_id"],
    ]  # fmt: skip
    for phrase in phrases:
        assert phrase in said, phrase
    assert "{{7*7}}" in said
    assert "49" not in [line.strip() for line in said.splitlines()]


def test_statement_stands_at_the_foot_of_part_one_only_and_marking_on_every_page(folder: Path) -> None:
    document = Document(str(next((folder / "核对表").iterdir())))
    feet = ["\n".join(p.text for p in section.footer.paragraphs) for section in document.sections]
    heads = ["\n".join(p.text for p in section.header.paragraphs) for section in document.sections]
    assert [STATEMENT in foot for foot in feet] == [True, False, False]
    assert heads == ["内部资料"] * 3
    assert document.sections[0].page_height.cm == pytest.approx(29.7, abs=0.01)


def test_corner_points_are_those_handed_in(folder: Path) -> None:
    said = texts(next(path for path in (folder / "核对表").iterdir() if "2+2" in path.name))
    for x, y in ((4_741_000, 30_388_000), (4_741_100, 30_388_100)):
        assert f"{x:.3f}" in said
        assert f"{y:.3f}" in said
    assert "100.00" in said


def test_figures_equal_those_of_the_workbook(folder: Path) -> None:
    from openpyxl import load_workbook

    book = load_workbook(folder / "三线核对汇总表.xlsx")
    rows = [[cell.value for cell in row] for row in book["项目"].iter_rows()]
    mine = next(row for row in rows if "P/1" in row)
    said = texts(next(path for path in (folder / "核对表").iterdir() if "P_1" in path.name))
    areas = [f"{value:.4f}" for value in mine if isinstance(value, float) and f"{value:.4f}公顷" in said]
    assert len(areas) >= 3


def test_an_office_template_is_filled(result: cl.CheckResult, tmp_path: Path) -> None:
    own = Document()
    own.add_paragraph("某局第{{ run_id }}号核对：{{ project_name }}")
    own.add_paragraph("{%p for s in sentences %}")
    own.add_paragraph("{{ s }}")
    own.add_paragraph("{%p endfor %}")
    own.save(str(tmp_path / "own.docx"))
    cl.write_report(result, tmp_path / "out", formats=["docx"], form=FormOptions(template=str(tmp_path / "own.docx")))
    said = texts(next(path for path in (tmp_path / "out" / "核对表").iterdir() if "2+2" in path.name))
    assert f"某局第{result.provenance['run_id']}号核对：二期" in said
    assert "全部位于城镇开发边界外。" in said


def broken(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / f"{kind}.docx"
    document = Document()
    text = {"syntax": "{{ project_name", "unknown": "{{ nothing_such }}",
            "escape": "{{ ''.__class__.__mro__[1].__subclasses__() }}"}.get(kind, "x")  # fmt: skip
    document.add_paragraph(text)
    document.save(str(path))
    if kind == "macro":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("word/vbaProject.bin", b"x")
    if kind == "no_docx":
        path.write_bytes(b"PK\x03\x04 not a document")
    if kind == "missing":
        path.unlink()
    return path


@pytest.mark.parametrize("kind", ["syntax", "unknown", "escape", "macro", "no_docx", "missing"])
def test_a_template_that_cannot_be_used_is_named_and_nothing_is_written(
    kind: str, result: cl.CheckResult, tmp_path: Path
) -> None:
    path = broken(tmp_path, kind)
    with pytest.raises(UsageError) as caught:
        cl.write_report(result, tmp_path / "out", formats=["docx"], form=FormOptions(template=str(path)))
    assert caught.value.finding.code == "TEMPLATE_UNUSABLE"
    assert not (tmp_path / "out").exists()


REMOTE = "http://127.0.0.1/evil"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def test_what_a_template_fetches_from_elsewhere_is_left_out(result: cl.CheckResult, tmp_path: Path) -> None:
    """A remote template, a linked picture and a link: gone, with all that referred to them, so that Word opens it."""
    own = Document()
    main, settings = own.part, own.part._settings_part
    remote = main.relate_to(REMOTE, f"{OFFICE}/hyperlink", is_external=True)
    linked = main.relate_to(f"{REMOTE}.png", f"{OFFICE}/image", is_external=True)
    attached = settings.relate_to(f"{REMOTE}.dotm", f"{OFFICE}/attachedTemplate", is_external=True)
    spaces = f"{nsdecls('w', 'r', 'a')}"
    paragraph = own.add_paragraph("核对 {{ run_id }} ")
    paragraph._p.append(parse_xml(f'<w:hyperlink {spaces} r:id="{remote}"><w:r><w:t>链接</w:t></w:r></w:hyperlink>'))
    paragraph._p.append(parse_xml(f'<w:r {spaces}><a:blip r:link="{linked}"/></w:r>'))
    own.settings.element.append(parse_xml(f'<w:attachedTemplate {spaces} r:id="{attached}"/>'))
    own.save(str(tmp_path / "remote.docx"))
    report = build(result)
    said = opinion(report, report.projects[0], result.project_land)
    form = docx.to_bytes(said, docx.template(tmp_path / "remote.docx"), None)
    with zipfile.ZipFile(io.BytesIO(form)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert not [name for name, data in parts.items() if b"evil" in data or b'TargetMode="External"' in data]
    assert b"attachedTemplate" not in parts["word/settings.xml"]
    known = set(re.findall(rb'Id="(\w+)"', parts["word/_rels/document.xml.rels"]))
    assert set(re.findall(rb'\sr:\w+="(\w+)"', parts["word/document.xml"])) <= known
    assert f"核对 {result.provenance['run_id']} 链接" in texts(io.BytesIO(form))


def test_the_template_of_the_package_is_what_its_script_makes(tmp_path: Path) -> None:
    import runpy

    script = Path(__file__).resolve().parents[2] / "docs" / "make_template.py"
    runpy.run_path(str(script))["main"](tmp_path / "made.docx")
    with zipfile.ZipFile(tmp_path / "made.docx") as made, zipfile.ZipFile(io.BytesIO(docx.template())) as own:
        for name in ("word/document.xml", "word/styles.xml", "word/fontTable.xml", "word/footer1.xml"):
            assert made.read(name) == own.read(name), name


def test_hostile_names_are_text_in_the_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "_picture", lambda *_: (None, []))
    names = list(HOSTILE.values())
    land = parcels(*(here(200 * n, 0, 200 * n + 50, 50) for n in range(len(names))), DKMC=names, XMMC=names,
                   XMBH=["../../etc/x", "con", "CON.txt", "a:b", "A:B", "x/y", "LPT1", " ", "长" * 300])  # fmt: skip
    checked = cl.check(land, make_plan(permanent_farmland=[here(50, -10, 400, 400)]), as_of="2026-11-21")
    cl.write_report(checked, tmp_path / "out", formats=["docx"], form=FormOptions(docx_for="all"))
    found = {path.name: texts(path) for path in (tmp_path / "out" / "核对表").iterdir()}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    assert len({name.casefold() for name in found}) == len(names)
    assert not [name for name in found if re.match(r"(?i)(con|lpt1)(\.|$)", name) or len(name) > 65]
    said = "\n".join(found.values())
    for key in ("formula", "plus", "minus", "at", "html", "template", "long"):
        assert HOSTILE[key] in said, key
    assert "响铃[31m反" in said  # control characters are gone, the rest stands
    assert "=1+1" in said
    assert "\n49\n" not in said


def test_a_changed_template_of_the_package_is_filled(result: cl.CheckResult, tmp_path: Path) -> None:
    """What an office does: save the package's template, change a heading, add its own name and a paragraph."""
    own = tmp_path / "本局模板.docx"
    own.write_bytes(docx.template())
    changed = Document(str(own))
    changed.paragraphs[0].insert_paragraph_before("某县自然资源局").alignment = 1
    heading = next(paragraph for paragraph in changed.paragraphs if paragraph.text == "对照数据")
    heading.runs[0].text = "所用数据"
    changed.add_paragraph("{% for r in plan_rows %}【{{ r.label }}：{{ r.value }}】{% endfor %}")
    changed.save(str(own))
    cl.write_report(result, tmp_path / "out", formats=["docx"], form=FormOptions(template=str(own)))
    document = Document(str(next(path for path in (tmp_path / "out" / "核对表").iterdir() if "P_1" in path.name)))
    lines = [paragraph.text for paragraph in document.paragraphs]
    assert lines[:2] == ["某县自然资源局", "三条控制线套合核对表"]
    assert "所用数据" in lines
    assert "对照数据" not in lines
    assert lines[-1].startswith("【村：夏村（650422100201）1.3995公顷（20.99亩）】【规划用途：")


def test_entities_of_a_template_are_not_expanded(result: cl.CheckResult, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("机密内容", encoding="utf-8")
    path, out = broken(tmp_path, "entity"), io.BytesIO()
    with zipfile.ZipFile(path) as given, zipfile.ZipFile(out, "w") as made:
        for entry in given.infolist():
            data = given.read(entry)
            if entry.filename == "word/document.xml":
                head = f'<!DOCTYPE d [<!ENTITY e SYSTEM "{secret.as_uri()}">]><w:document'.encode()
                data = data.replace(b"<w:document", head, 1).replace(b">x<", b">x&e;<")
            made.writestr(entry, data)
    path.write_bytes(out.getvalue())
    report = build(result)
    said = opinion(report, report.projects[0], result.project_land)
    form = docx.to_bytes(said, docx.template(path), None, named=path)
    with zipfile.ZipFile(io.BytesIO(form)) as archive:
        assert not any("机密内容".encode() in archive.read(name) for name in archive.namelist())
