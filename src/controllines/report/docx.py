"""核对表/*.docx: the opinion form of each project, laid out by a Word template (docxtpl).

A template comes from a person and is still read as foreign: its expressions run in a sandbox that reaches nothing but
the placeholders, and what points outside the file (remote templates, linked pictures) does not go into the output.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

import jinja2
from docx.opc.exceptions import PackageNotFoundError
from docx.shared import Mm
from docxtpl import DocxTemplate, InlineImage
from jinja2.sandbox import SandboxedEnvironment

from controllines.errors import UsageError
from controllines.report.opinion import Opinion

#: Width of the location picture on the page.
PICTURE_MM = 140
#: Largest template that is read.
LARGEST = 20_000_000
_REMOTE = re.compile(rb'<Relationship\b[^>]*TargetMode="External"[^>]*/>')


_ID = re.compile(rb'\bId="([^"]+)"')


@cache
def _package_template() -> bytes:
    return files("controllines").joinpath("data/report/opinion.docx").read_bytes()


def template(path: str | Path | None = None) -> bytes:
    """Return a template as bytes, the package's own if none is named.

    Raises
    ------
    UsageError
        The file is not there, is no docx, holds macros, or its placeholders are wrong (TEMPLATE_UNUSABLE).
    """
    if path is None:
        return _package_template()
    with _template_errors(path):
        content = Path(path).read_bytes()
        if len(content) > LARGEST:
            raise ValueError(f"{len(content)} > {LARGEST}")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
        if "word/document.xml" not in names or any("vbaProject" in name for name in names):
            raise ValueError("不是 docx 文件或含有宏")
        DocxTemplate(io.BytesIO(content)).get_undeclared_template_variables(_environment())
        return content


@contextmanager
def _template_errors(path: object) -> Iterator[None]:
    wrong = (OSError, ValueError, KeyError, zipfile.BadZipFile, PackageNotFoundError, jinja2.TemplateError)
    try:
        yield
    except wrong as error:
        raise UsageError.of("TEMPLATE_UNUSABLE", source=path, actual=str(error)) from error


def _environment() -> SandboxedEnvironment:
    return SandboxedEnvironment(autoescape=True, undefined=jinja2.StrictUndefined)


def to_bytes(form: Opinion, template_bytes: bytes, picture: bytes | None, *, named: object = None) -> bytes:
    """Fill a template.

    Parameters
    ----------
    form : the placeholders
    picture : location picture as PNG; None where it could not be drawn
    named : the template's path, for errors
    """
    document = DocxTemplate(io.BytesIO(template_bytes))
    with _template_errors(named):
        document.init_docx()
        image = InlineImage(document, io.BytesIO(picture), width=Mm(PICTURE_MM)) if picture else None
        document.render(asdict(form) | {"picture": image}, _environment(), autoescape=True)
    core = document.docx.core_properties
    core.title, core.comments = form.title, form.run_id
    core.created = core.modified = datetime.fromisoformat(form.as_of)
    out = io.BytesIO()
    document.save(out)
    return _without_remote(out.getvalue())


def _without_remote(content: bytes) -> bytes:
    """Take out every relation to something outside the file, and what refers to it: Word refuses what leads nowhere."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as clean:
        gone = {_part_of(name): _ID.findall(b"".join(_REMOTE.findall(given.read(name))))
                for name in given.namelist() if name.endswith(".rels")}  # fmt: skip
        for entry in given.infolist():
            data = given.read(entry)
            if entry.filename.endswith(".rels"):
                data = _REMOTE.sub(b"", data)
            for key in gone.get(entry.filename, ()):
                data = re.sub(rb'<w:(attachedTemplate|subDoc)\b[^>]*"' + re.escape(key) + rb'"[^>]*/>', b"", data)
                data = re.sub(rb'\sr:\w+="' + re.escape(key) + rb'"', b"", data)
            clean.writestr(entry, data)
    return out.getvalue()


def _part_of(rels: str) -> str:
    """Return the part whose relations a file holds: ``word/_rels/document.xml.rels`` → ``word/document.xml``."""
    return rels.replace("_rels/", "", 1).removesuffix(".rels")
