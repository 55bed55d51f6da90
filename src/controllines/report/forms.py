"""核对表/: one opinion form (docx) for each project, with its picture; names are made here, ids stay in the table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from controllines.errors import OutputError, UsageError
from controllines.findings import Finding, finding
from controllines.io.writers.names import no_device
from controllines.report.model import ProjectRow, Report
from controllines.report.opinion import opinion
from controllines.report.words import clean

if TYPE_CHECKING:
    from controllines.results import CheckResult

FOLDER = "核对表"
DOCX_FOR = ("all", "not-clear")
#: Above this many projects only those that are not clear get a form, unless all are asked for.
MANY = 200
#: Characters of a file name before its suffix.
LONGEST = 60
_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|\s\x00-\x1f]+')


@dataclass(frozen=True)
class FormOptions:
    """What opinion forms are written, and how.

    Attributes
    ----------
    docx_for : ``all``, ``not-clear`` (判定不是 clear 的项目); None: all, but above 200 projects those not clear
    template : Word template of the office; None: that of the package
    marking : printed on every page (内部资料)
    """

    docx_for: str | None = None
    template: str | None = None
    marking: str = ""

    def __post_init__(self) -> None:
        if self.docx_for not in (None, *DOCX_FOR):
            raise UsageError.of("OPTION_VALUE", layer="--docx-for", actual=self.docx_for, expected="、".join(DOCX_FOR))


def chosen(projects: Sequence[ProjectRow], result: CheckResult, docx_for: str | None) -> list[ProjectRow]:
    """Return the projects that get a form."""
    if docx_for == "all" or (docx_for is None and len(projects) <= MANY):
        return list(projects)
    level = {clean(key): value for key, value in
             zip(result.projects["project_id"], result.projects["verdict"], strict=True)}  # fmt: skip
    return [project for project in projects if level.get(project.project_id) != "clear"]


def write(
    result: CheckResult, report: Report, folder: Path, options: FormOptions, *, book: bool = True,
    tell: Callable[[str], object] = str,
) -> tuple[dict[str, str], list[Finding]]:  # fmt: skip
    """Write the forms into ``folder/核对表``; ``book``: whether a workbook stands beside them; ``tell``: progress.

    Returns
    -------
    names : project_id → relative name of its file, in the order of the projects
    found : what a reader should know: forms left out, pictures that could not be drawn

    Raises
    ------
    UsageError
        The template cannot be used (TEMPLATE_UNUSABLE).
    """
    from controllines.report import docx  # loaded only where forms are wanted

    content = docx.template(options.template)
    projects = chosen(report.projects, result, options.docx_for)
    found = []
    if len(projects) < len(report.projects):
        found.append(finding("DOCX_ONLY_NOT_CLEAR", actual=len(projects), expected=len(report.projects)))
    (folder / FOLDER).mkdir(exist_ok=True)
    names = file_names(projects)
    land = {clean(key): rows for key, rows in result.project_land.groupby("project_id", sort=False)}
    none = result.project_land.iloc[:0]
    for number, (project, name) in enumerate(zip(projects, names, strict=True), start=1):
        tell(f"写出核对表 {number}/{len(projects)}")
        picture, why = _picture(report, project)
        found += [item for item in why if item not in found]
        form = opinion(report, project, land.get(project.project_id, none), book=book)
        (folder / name).write_bytes(docx.to_bytes(form, content, picture, named=options.template))
    return {project.project_id: name for project, name in zip(projects, names, strict=True)}, found


def file_names(projects: Sequence[ProjectRow]) -> list[str]:
    """Return ``核对表/<project_id>_<项目名称>.docx`` of each project: at most 60 characters, unique without case.

    Examples
    --------
    >>> from types import SimpleNamespace as Row
    >>> file_names([Row(project_id="../A", name="一期"), Row(project_id="con", name="")])
    ['核对表/.._A_一期.docx', '核对表/_con.docx']
    """
    taken: set[str] = set()
    names = []
    for project in projects:
        parts = [project.project_id, project.name if project.name != project.project_id else ""]
        stem = _NOT_IN_NAMES.sub("_", "_".join(filter(None, map(clean, parts)))).strip(". ") or "项目"
        stem, number = no_device(stem)[:LONGEST].rstrip(". "), 1
        wanted = stem
        while wanted.casefold() in taken:
            number += 1
            wanted = f"{stem[: LONGEST - len(str(number)) - 1]}_{number}"
        taken.add(wanted.casefold())
        names.append(f"{FOLDER}/{wanted}.docx")
    return names


def _picture(report: Report, project: ProjectRow) -> tuple[bytes | None, list[Finding]]:
    """Return the location picture as PNG; none where nothing can be drawn."""
    from controllines.plots import draw_map
    from controllines.report.pictures import scene_of

    ids = [parcel.parcel_id for parcel in report.members.get(project.project_id, [])]
    names = {scope.kind.key: clean(scope.kind.zh) for scope in report.scopes}
    scene = scene_of(report.map, ids, names, banners=report.banners)
    if not len(scene.focus):
        return None, []
    try:
        return draw_map(scene).png(), []
    except OutputError as error:
        return None, [error.finding]
