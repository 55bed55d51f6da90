"""Make the Word template of the package (核对表模板): ``make docs`` runs it after a change here.

An office changes the template in Word; this script only makes the first one, so that its fonts, tables and fields are
written down where they can be read.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.section import WD_SECTION
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt

TARGET = Path(__file__).resolve().parents[1] / "src" / "controllines" / "data" / "report" / "opinion.docx"
BODY, HEAD, LATIN = "仿宋_GB2312", "黑体", "Times New Roman"
#: What a program shows where it does not have the font (替代字体), written into the font table.
FALLBACKS = {BODY: "仿宋;FangSong;STFangsong;Noto Serif CJK SC", HEAD: "SimHei;STHeiti;Noto Sans CJK SC"}
SIZE_TITLE, SIZE_BODY, SIZE_TABLE, SIZE_FOOT = Pt(22), Pt(16), Pt(12), Pt(9)
#: Width between the margins, in centimetres.
WIDTH = 16.0


def main(target: Path = TARGET) -> None:
    """Write the template."""
    document = Document()
    _styles(document)
    _page(document.sections[0])
    _part_one(document)
    _part_two(document)
    _annexes(document)
    _fonts(document)
    core = document.core_properties
    core.author, core.title, core.comments = "", "三条控制线套合核对表", ""
    document.save(str(target))


def _styles(document: Any) -> None:
    normal = document.styles["Normal"]
    _font(normal, BODY, SIZE_BODY)
    normal.paragraph_format.line_spacing_rule = WD_LINE_SPACING.EXACTLY
    normal.paragraph_format.line_spacing = Pt(28)
    normal.paragraph_format.space_after = Pt(0)
    for name, size in (("Title", SIZE_TITLE), ("Heading 1", SIZE_BODY), ("Heading 2", SIZE_BODY)):
        style = document.styles[name]
        _font(style, HEAD, size)
        style.font.bold = False
        style.font.color.rgb = None
        for side in style.element.findall(".//" + qn("w:pBdr")):
            side.getparent().remove(side)
        style.paragraph_format.space_before = Pt(8)
        style.paragraph_format.space_after = Pt(4)
        style.paragraph_format.keep_with_next = True
    document.styles["Title"].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    table = document.styles.add_style("表格", 1)
    table.base_style = normal
    _font(table, BODY, SIZE_TABLE)
    table.paragraph_format.line_spacing_rule = WD_LINE_SPACING.SINGLE
    foot = document.styles.add_style("页脚声明", 1)
    foot.base_style = normal
    _font(foot, BODY, SIZE_FOOT)
    foot.paragraph_format.line_spacing_rule = WD_LINE_SPACING.SINGLE


def _font(style: Any, east: str, size: Any) -> None:
    style.font.name, style.font.size = LATIN, size
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for old in [key for key in fonts.attrib if key.endswith("Theme")]:
        del fonts.attrib[old]
    fonts.set(qn("w:eastAsia"), east)
    fonts.set(qn("w:hAnsi"), LATIN)


def _fonts(document: Any) -> None:
    """Name the fallbacks of each font in the font table."""
    part = next(rel.target_part for rel in document.part.rels.values() if rel.reltype.endswith("/fontTable"))
    fonts = "".join(
        f'<w:font w:name="{name}"><w:altName w:val="{others}"/><w:charset w:val="86"/></w:font>'
        for name, others in FALLBACKS.items()
    )
    text = part.blob.decode("utf-8")
    part._blob = text.replace("</w:fonts>", f"{fonts}</w:fonts>").encode("utf-8")


def _page(section: Any) -> None:
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin, section.right_margin = Cm(2.6), Cm(2.4)
    section.top_margin, section.bottom_margin = Cm(2.6), Cm(2.8)
    section.footer_distance, section.header_distance = Cm(1.0), Cm(1.2)


def _footer(section: Any, *, statement: bool) -> None:
    section.header.is_linked_to_previous = section.footer.is_linked_to_previous = False
    head = section.header.paragraphs[0]
    head.style = "页脚声明"
    head.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    head.add_run("{{ marking }}")
    foot = section.footer.paragraphs[0]
    foot.style = "页脚声明"
    if statement:
        foot.add_run("{{ disclaimer }}")
        foot = section.footer.add_paragraph(style="页脚声明")
    foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
    foot.add_run("{{ banner }}核对编号：{{ run_id }}　第 ")
    _field(foot, "PAGE")
    foot.add_run(" 页　共 ")
    _field(foot, "NUMPAGES")
    foot.add_run(" 页")


def _field(paragraph: Any, code: str) -> None:
    for kind, text in (("begin", None), (None, code), ("separate", None), ("text", "1"), ("end", None)):
        run = paragraph.add_run(text if kind == "text" else None)
        if kind in ("begin", "separate", "end"):
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run._r.append(mark)
        elif kind is None:
            instruction = OxmlElement("w:instrText")
            instruction.set(qn("xml:space"), "preserve")
            instruction.text = f" {text} "
            run._r.append(instruction)


def _text(document: Any, text: str, *, indent: bool = True, style: str | None = None) -> Any:
    paragraph = document.add_paragraph(text, style=style)
    if indent:
        paragraph.paragraph_format.first_line_indent = Pt(32)
    return paragraph


def _table(document: Any, widths: list[float], head: list[str], rows: list[list[str]]) -> Any:
    """Add a table; its head repeats on every page, and no row breaks across pages."""
    table = document.add_table(rows=0, cols=len(widths), style="Table Grid")
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Cm(width)
    for number, cells in enumerate([head, *rows] if head else rows):
        row = table.add_row()
        _row_property(row, "w:cantSplit")
        if head and number == 0:
            _row_property(row, "w:tblHeader")
        for cell, width, text in zip(row.cells, widths, cells, strict=True):
            cell.width = Cm(width)
            paragraph = cell.paragraphs[0]
            paragraph.style = "表格"
            run = paragraph.add_run(text)
            if head and number == 0:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
                run.font.name = LATIN
                run._r.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), HEAD)
    return table


def _row_property(row: Any, name: str) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement(name))


def _loop(name: str, cells: list[str]) -> list[list[str]]:
    """Return the rows of a table that repeat for each item."""
    blank = [""] * (len(cells) - 1)
    return [
        [f"{{%tr for r in {name} %}}", *blank],
        [f"{{{{ r.{cell} }}}}" for cell in cells],
        ["{%tr endfor %}", *blank],
    ]


def _part_one(document: Any) -> None:
    _footer(document.sections[0], statement=True)
    document.add_paragraph("{{ title }}", style="Title")
    document.add_paragraph("一、套合核对结果", style="Heading 1")
    _table(document, [3.2, 12.8], [], _loop("facts", ["label", "value"]))
    _text(document, "{{ intro }}")
    _text(document, "{%p for s in sentences %}", indent=False)
    _text(document, "{{ s }}")
    _text(document, "{%p endfor %}", indent=False)
    _text(document, "{%p if picture %}", indent=False)
    paragraph = document.add_paragraph("{{ picture }}")
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.line_spacing_rule = WD_LINE_SPACING.SINGLE
    paragraph.paragraph_format.keep_with_next = True
    caption = document.add_paragraph("{{ caption }}", style="表格")
    caption.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _text(document, "{%p endif %}", indent=False)
    document.add_paragraph("控制线", style="Heading 2")
    _table(document, [2.0, 3.4, 7.4, 3.2],
           ["控制线", "套合结果", "判定及依据", "审批机关和须提供的材料"],
           _loop("lines", ["line", "result", "ruling", "duties"]))  # fmt: skip
    _text(document, "{%p for s in questions %}", indent=False)
    _text(document, "{{ s }}", indent=False, style="表格")
    _text(document, "{%p endfor %}", indent=False)
    _text(document, "{{ convention }}", indent=False, style="表格")
    _section(
        document,
        "land",
        "现状地类",
        "{{ land_note }}",
        _table_of([7.0, 4.5, 4.5], ["地类", "面积（公顷）", "面积（亩）"], "land", ["name", "area", "mu"]),
    )
    _section(document, "plan_rows", "规划与行政区", None,
             _table_of([4.0, 12.0], ["项目", "内容"], "plan_rows", ["label", "value"]))  # fmt: skip
    document.add_paragraph("对照数据", style="Heading 2")
    layers = ["name", "version", "as_at", "source", "approval", "features", "digest"]
    _table(document, [2.2, 2.0, 2.6, 3.6, 2.2, 1.4, 2.0],
           ["图层", "版本", "现势性", "来源", "批复", "要素数", "校验码"], _loop("layers", layers))  # fmt: skip
    document.add_paragraph("未作核对的内容", style="Heading 2")
    _text(document, "{{ not_checked }}")


def _table_of(widths: list[float], head: list[str], name: str, cells: list[str]) -> Any:
    def make(document: Any) -> None:
        _table(document, widths, head, _loop(name, cells))

    return make


def _section(document: Any, condition: str, heading: str, note: str | None, table: Any) -> None:
    """Add a heading with its table, which are left out where there is nothing to list."""
    _text(document, f"{{%p if {condition} %}}", indent=False)
    document.add_paragraph(heading, style="Heading 2")
    table(document)
    if note:
        _text(document, note, indent=False, style="表格")
    _text(document, "{%p endif %}", indent=False)


def _part_two(document: Any) -> None:
    _footer(document.add_section(WD_SECTION.NEW_PAGE), statement=False)
    document.add_paragraph("二、审查意见", style="Heading 1")
    table = document.add_table(rows=1, cols=1, style="Table Grid")
    table.rows[0].height = Cm(12)
    cell = table.rows[0].cells[0]
    cell.paragraphs[0].style = "表格"
    cell.paragraphs[0]._p.append(_pick_list())
    document.add_paragraph("", style="表格")
    _table(document, [2.6, 5.4, 2.6, 5.4], [],
           [["核对人", "", "日期", "　　　年　　月　　日"], ["复核人", "", "日期", "　　　年　　月　　日"],
            ["科室负责人", "", "日期", "　　　年　　月　　日"]])  # fmt: skip


def _pick_list() -> Any:
    """Return a box to pick a sentence from or to write in (内容控件：组合框)."""
    return parse_xml(
        f"<w:sdt {nsdecls('w')}><w:sdtPr><w:alias w:val='审查用语'/><w:tag w:val='opinion'/><w:showingPlcHdr/>"
        "<w:comboBox>{% for s in picks %}<w:listItem w:displayText='{{ s }}' w:value='{{ s }}'/>{% endfor %}"
        "</w:comboBox>"
        "</w:sdtPr><w:sdtContent><w:r><w:t>（点击选择审查用语，或直接填写）</w:t></w:r></w:sdtContent></w:sdt>"
    )


def _annexes(document: Any) -> None:
    _footer(document.add_section(WD_SECTION.NEW_PAGE), statement=False)
    document.add_paragraph("附表1　地块", style="Heading 1")
    cells = ["number", "parcel_id", "name", "declared", "planar", "official", "lines"]
    _table(document, [1.1, 2.5, 2.3, 2.4, 2.4, 2.4, 2.9],
           ["序号", "地块编号", "名称", "申报面积\n（公顷）", "平面面积\n（公顷）", "椭球面积\n（公顷）", "涉及情况"],
           _loop("parcels", cells))  # fmt: skip
    document.add_paragraph("附表2　界址点坐标（按申报数据）", style="Heading 1")
    _text(document, "{{ corner_note }}", indent=False, style="表格")
    head = ["地块编号", "圈号", "点号", "{{ north }}", "{{ east }}", "边长（米）"]
    _if(document, "corners", [3.8, 1.2, 1.4, 3.4, 3.6, 2.6], head, ["parcel_id", "ring", "point", "x", "y", "edge"])
    document.add_paragraph("附表3　边界敏感性", style="Heading 1")
    _text(document, "{{ sensitivity_note }}", indent=False, style="表格")
    _if(document, "sensitivity", [3.4, 3.0, 2.2, 2.2, 5.2], ["地块编号", "控制线", "深度（米）", "净距（米）", "说明"],
        ["parcel_id", "line", "depth", "clearance", "note"])  # fmt: skip
    _text(document, "{%p if findings %}", indent=False)
    document.add_paragraph("附表4　数据问题", style="Heading 1")
    _text(document, "{%p endif %}", indent=False)
    _if(document, "findings", [1.6, 3.4, 6.0, 5.0], ["性质", "对象", "问题", "处理办法"],
        ["severity", "where", "message", "fix"])  # fmt: skip
    document.add_paragraph("附表5　来源与版本", style="Heading 1")
    _table(document, [3.6, 12.4], ["项目", "内容"], _loop("provenance", ["label", "value"]))


def _if(document: Any, name: str, widths: list[float], head: list[str], cells: list[str]) -> None:
    """Add a table that is left out where it has no rows."""
    _text(document, f"{{%p if {name} %}}", indent=False)
    _table(document, widths, head, _loop(name, cells))
    _text(document, "{%p endif %}", indent=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
