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
from tests.builders import here, layer, make_plan, parcels

STATEMENT = "本核对结果由软件按所列数据版本和规则生成"


@pytest.fixture(scope="module")
def result() -> cl.CheckResult:
    land_use = layer([here(-500, -500, 150, 2000), here(150, -500, 3000, 2000)], DLBM=["0102", "0601"],
                     QSXZ=["20", "30"], ZLDWDM=["650422100"] * 2, BSM=["d1", "d2"])  # fmt: skip
    planned = layer([here(0, 0, 60, 500), here(60, 0, 90, 500)], YDYHFLDM=["100101", "1207"],
                    YDYHFLMC=["一类工业用地", "城镇道路用地"], BSM=["u1", "u2"])  # fmt: skip
    approved = layer([here(0, 0, 100, 25)], XMMC=["一期"], BSM=["z1"])
    village = layer([here(-500, -500, 5000, 5000)], ZLDWDM=["650422100201"], ZLDWMC=["夏村"], BSM=["v1"])
    plan = make_plan(permanent_farmland=[here(50, -10, 400, 400)], urban_boundary=[here(-50, -50, 200, 400)],
                     ecological_redline=[here(5000, 0, 5100, 100)], land_use=land_use, planned_use=planned,
                     approved_land=approved, village=village)  # fmt: skip
    land = parcels(here(0, 0, 100, 100), here(300, 0, 350, 80), here(3000, 3000, 3100, 3100),
                   YT=["1001", "", "工业用地"],
                   XMBH=["P/1", "P/1", "=2+2"], XMMC=["一期<b>{{7*7}}", "一期<b>{{7*7}}", "二期"])  # fmt: skip
    return cl.check(land, plan, as_of="2026-11-21")


def texts(path: Path | io.BytesIO) -> str:
    """Everything Word shows of the body, cell by cell."""
    document = Document(path if isinstance(path, io.BytesIO) else str(path))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


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


def test_form_holds_the_plan_against_what_was_applied_for(folder: Path) -> None:
    document = Document(str(next(path for path in (folder / "核对表").iterdir() if "P_1" in path.name)))
    pairs = [table for table in document.tables if len(table.columns) == 2]
    said = {row.cells[0].text: row.cells[1].text for table in pairs for row in table.rows}
    # official area is 0.99968 of the planar one here; drawn 60 × 100, 30 × 100, 25 × 100 of 14 000 m²;
    # 9.00 + 4.50 + 7.50亩 would be more than 20.99: the figure nearest to its rounding edge (8.997) gives way
    assert said["村"] == "夏村（650422100201）1.3995公顷（20.99亩）"
    assert said["规划用途"] == ("一类工业用地（100101）0.5998公顷（8.99亩）、城镇道路用地（1207）0.2999公顷（4.50亩）、"
                            "无规划用途0.4998公顷（7.50亩）")  # fmt: skip
    assert said["已批用地"] == "一期0.2499公顷（3.75亩）、不在已批用地范围内1.1496公顷（17.24亩）"
    assert said["申报用途"] == "“1001”0.9997公顷（15.00亩）"
    assert said["规划用途与申报用途"].startswith("相同0.5998公顷（9.00亩），不同0.3999公顷（6.00亩）")


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


def test_file_names_are_ours_short_and_unique_without_case() -> None:
    from types import SimpleNamespace as Row

    made = forms.file_names([
        Row(project_id="../../etc/passwd", name="长" * 300), Row(project_id="a:b*?", name="x"),
        Row(project_id="A:B*?", name="X"), Row(project_id="CON", name=""), Row(project_id="", name=""),
    ])  # fmt: skip
    stems = [Path(name).stem for name in made]
    assert all(Path(name).parent == Path("核对表") for name in made)
    assert all(len(stem) <= 60 for stem in stems)
    assert len({stem.casefold() for stem in stems}) == len(stems)
    assert stems[3] == "_CON"
    assert not any(sign in stem for stem in stems for sign in '\\/:*?"<>|')


def test_annex_names_only_the_files_of_its_project(tmp_path: Path) -> None:
    land = here(0, 0, 100, 100)
    for name in ("甲", "乙"):
        layer([land], DKBH=[f"{name}-1"]).to_file(tmp_path / f"{name}.geojson", driver="GeoJSON")
    plan = make_plan(permanent_farmland=[here(50, -10, 400, 400)])
    checked = cl.check([str(tmp_path / "甲.geojson"), str(tmp_path / "乙.geojson")], plan, as_of="2026-11-21")
    cl.write_report(checked, tmp_path / "out", formats=["docx"])
    said = texts(next(path for path in (tmp_path / "out" / "核对表").iterdir() if "甲" in path.name))
    assert "甲.geojson" in said
    assert "乙.geojson" not in said


def test_many_projects_get_forms_only_where_they_are_not_clear(result: cl.CheckResult, tmp_path: Path) -> None:
    cl.write_report(result, tmp_path / "out", formats=["docx"], form=FormOptions(docx_for="not-clear"))
    clear = (result.projects["verdict"] == "clear").sum()
    assert len(list((tmp_path / "out" / "核对表").iterdir())) == len(result.projects) - clear
    with pytest.raises(UsageError, match="docx-for"):
        FormOptions(docx_for="some")


def test_without_a_font_the_form_comes_without_its_picture(
    result: cl.CheckResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from controllines.plots import picture

    picture.chinese_font.cache_clear()
    monkeypatch.setattr(picture, "FAMILIES", ("没有这种字体",))
    monkeypatch.delenv(picture.FONT_VARIABLE, raising=False)
    try:
        cl.write_report(result, tmp_path / "out", formats=["docx"])
        content = (tmp_path / "out" / "result.json").read_text(encoding="utf-8")
        assert "PICTURE_NO_FONT" in content
        form = Document(str(next((tmp_path / "out" / "核对表").iterdir())))
        assert not form.inline_shapes
    finally:
        monkeypatch.undo()
        picture.chinese_font.cache_clear()


def test_the_template_of_the_package_is_what_its_script_makes(tmp_path: Path) -> None:
    import runpy

    script = Path(__file__).resolve().parents[2] / "docs" / "make_template.py"
    runpy.run_path(str(script))["main"](tmp_path / "made.docx")
    with zipfile.ZipFile(tmp_path / "made.docx") as made, zipfile.ZipFile(io.BytesIO(docx.template())) as own:
        for name in ("word/document.xml", "word/styles.xml", "word/fontTable.xml", "word/footer1.xml"):
            assert made.read(name) == own.read(name), name


def ring_of(count: int) -> list[tuple[float, float]]:
    """A circle of so many points, 100 m around (3000, 0)."""
    import math

    return [(3000 + 100 * math.cos(2 * math.pi * n / count), 100 * math.sin(2 * math.pi * n / count))
            for n in range(count)]  # fmt: skip


def test_many_corner_points_go_into_the_workbook_or_stay_where_there_is_none(tmp_path: Path) -> None:
    from openpyxl import load_workbook

    plan = make_plan(permanent_farmland=[here(50, -10, 400, 400)])
    land = parcels(here(*ring_of(99)), here(*ring_of(100)), XMBH=["A", "B"])
    checked = cl.check(land, plan, as_of="2026-11-21")
    cl.write_report(checked, tmp_path / "out", formats=["docx", "xlsx"], form=FormOptions(docx_for="all"))
    few, many = (texts(tmp_path / "out" / "核对表" / f"{name}.docx") for name in ("A", "B"))
    assert "J99" in few
    assert "J100" not in many
    assert "界址点共101个，超过100个，见“三线核对汇总表.xlsx”的“界址点”表" in many
    rows = [[cell.value for cell in row] for row in load_workbook(tmp_path / "out" / "三线核对汇总表.xlsx")["界址点"]]
    mine = [row for row in rows if row[0] == "B"]
    assert len(mine) == 101
    # the first point as it was handed in, to the millimetre, and the edge of a regular polygon of 100 sides
    assert mine[0][2:] == ["1", "J1", 4_738_000.0, 30_388_100.0, 6.28]
    assert mine[-1][3:] == ["J1", 4_738_000.0, 30_388_100.0, ""]
    assert not [row for row in rows if row[0] == "A"]
    cl.write_report(checked, tmp_path / "two", formats=["docx"], form=FormOptions(docx_for="all"))
    assert "J100" in texts(tmp_path / "two" / "核对表" / "B.docx")


def test_hostile_names_are_text_in_the_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.report.conftest import HOSTILE

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
