"""The folder of a run (输出文件夹): which files are written, in which order, result.json last."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from controllines.crs import SourceCRS
from controllines.errors import UsageError
from controllines.findings import Finding
from controllines.report import csvfile, forms, gis, official, resultjson, tracefile, vector, xlsx
from controllines.report.commit import Mark, check_free, commit, listed
from controllines.report.forms import FormOptions
from controllines.report.maps import MAP_LINES
from controllines.report.model import Report, build
from controllines.report.rows import every_text, file_name, records
from controllines.report.words import HTML, XLSX
from controllines.results import findings_frame

if TYPE_CHECKING:
    from controllines.results import CheckResult

#: Formats written unless others are asked for, and all that can be.
FORMATS = ("xlsx", "html")
KNOWN = ("xlsx", "html", "docx", "forms", *gis.FORMATS, "csv")
GPKG, CSV = "conflicts.gpkg", "conflicts.csv"
TRACE = tracefile.NAME


RESULT = Mark("result.json", resultjson.SCHEMA)


def write_report(
    result: CheckResult,
    out: str | Path,
    *,
    formats: Sequence[str] = FORMATS,
    map_lines: str = "near",
    overwrite: bool = False,
    paths: bool = True,
    form: FormOptions = FormOptions(),
    out_crs: str | None = None,
    basemap: str | None = None,
    tell: Callable[[str], object] = str,
) -> list[Path]:
    """Write the outputs of a check into a folder; all of them, or none.

    Parameters
    ----------
    result : the checked parcels
    out : folder; must be absent, empty or hold the result of the same run
    formats : ``xlsx``, ``html``, ``docx`` (one form for each project) and ``forms`` (统计表样: 用地压盖统计表,
        占用永久基本农田及补划表, 土地分类面积表) for people; ``gpkg``, ``gdb`` and ``shp`` (三线核对成果) for a GIS.
        conflicts.gpkg, conflicts.csv and result.json are always written
    map_lines : control lines on the map: ``none``, ``near`` (within 500 m of an application) or ``all``
    overwrite : replace the result of another run, or write into a folder with other files (they stay)
    paths : False leaves file names only, no folders, in every output
    form : which projects get a form, by which template; marking of every page
    out_crs : CRS of 三线核对成果 (``EPSG:4518``); omitted: that of the first control line
    basemap : address of map tiles (``https://…/{z}/{x}/{y}.png``) for the html; omitted: it loads nothing from the net
    tell : called with what is being written (进度)

    Returns
    -------
    list of Path
        The written files, result.json last.

    Raises
    ------
    UsageError
        Unknown format, ``map_lines``, ``out_crs`` or ``basemap``.
    OutputError
        The folder holds something else, or a file could not be written; what was there is intact.
    """
    how = _how(formats, map_lines, out_crs=out_crs, basemap=basemap, form=form, tell=tell)
    target = Path(out)
    if not paths:
        result = without_folders(result)
    run_id = str(result.provenance["run_id"])
    return commit(target, RESULT, run_id, overwrite=overwrite,
                  write=lambda folder: _write_all(result, folder, how))  # fmt: skip


def check_target(
    out: str | Path, *, formats: Sequence[str] = FORMATS, map_lines: str = "near", overwrite: bool = False,
    out_crs: str | None = None, basemap: str | None = None,
) -> None:  # fmt: skip
    """Refuse before any work what :func:`write_report` would refuse after it.

    Raises
    ------
    UsageError
        Unknown format, ``map_lines``, ``out_crs`` or ``basemap``.
    OutputError
        The folder holds something that is not ours.
    """
    _how(formats, map_lines, out_crs=out_crs, basemap=basemap)
    check_free(Path(out), RESULT, overwrite=overwrite)


@dataclasses.dataclass(frozen=True)
class _How:
    """What is written, and how: the options of :func:`write_report`, checked."""

    formats: Sequence[str]
    map_lines: str
    crs: SourceCRS | None
    basemap: str | None
    form: FormOptions
    tell: Callable[[str], object]


def _how(
    formats: Sequence[str], map_lines: str, *, out_crs: str | None, basemap: str | None,
    form: FormOptions = FormOptions(), tell: Callable[[str], object] = str,
) -> _How:  # fmt: skip
    unknown = [name for name in formats if name not in KNOWN]
    if unknown:
        raise UsageError.of("OUTPUT_FORMAT_UNKNOWN", actual="、".join(unknown), expected="、".join(KNOWN))
    if map_lines not in MAP_LINES:
        raise UsageError.of("OUTPUT_MAP_LINES_UNKNOWN", actual=map_lines, expected="、".join(MAP_LINES))
    if basemap is not None:
        from controllines.report import html

        html.check_basemap(basemap)
    return _How(tuple(formats), map_lines, gis.out_crs(out_crs), basemap, form, tell)


def _write_all(result: CheckResult, folder: Path, how: _How) -> list[str]:
    """Write all files, on the disk for good; return their names, result.json last."""
    report = build(result, map_lines=how.map_lines, marking=how.form.marking)
    names = [GPKG, CSV]
    if "docx" in how.formats:
        made, found = forms.write(result, report, folder, how.form, book="xlsx" in how.formats, tell=how.tell)
        names += made.values()
        result, report = _told(result, report, found)
        report = dataclasses.replace(report, forms=made)
    vector.write(result, folder / GPKG, report.banners)
    (folder / CSV).write_bytes(csvfile.to_bytes(result, report.banners))
    if "xlsx" in how.formats:
        how.tell(f"写出 {XLSX}")
        xlsx.write(report, folder / XLSX)
        names.append(XLSX)
    if "html" in how.formats:
        how.tell(f"写出 {HTML}")
        from controllines.report import html  # its templates are loaded only where a map is wanted

        (folder / HTML).write_bytes(html.to_bytes(report, map_lines=how.map_lines, basemap=how.basemap))
        names.append(HTML)
    if "forms" in how.formats:
        how.tell("写出统计表样")
        names += official.write_checked(result, folder)
    if set(how.formats) & set(gis.FORMATS):
        how.tell("写出成果图层")
        names += gis.write(result, report, folder, formats=how.formats, crs=how.crs)
    if result.pack is not None:
        how.tell("写出判定过程")
        tracefile.write(result, folder / TRACE)
        names.append(TRACE)
    how.tell(f"写出 {RESULT.name}")
    of_projects = report.forms
    del report  # of many applications, result.json needs the room
    resultjson.write(resultjson.document(result, listed(folder, names), of_projects), folder / RESULT.name)
    return [*names, RESULT.name]


def _told(result: CheckResult, report: Report, found: Sequence[Finding]) -> tuple[CheckResult, Report]:
    """Add what the writing of forms met to the findings."""
    if not found:
        return result, report
    frame, counts = findings_frame(found)
    both = pd.concat([result.findings, frame], ignore_index=True)
    provenance = result.provenance | {"finding_counts": result.provenance["finding_counts"] | counts}
    result = dataclasses.replace(result, findings=both, provenance=provenance)
    return result, dataclasses.replace(report, findings=tuple(records(both)), provenance=provenance)


def without_folders(result: CheckResult) -> CheckResult:
    """Return the result with file names instead of paths in every text (--no-paths)."""
    known = {str(entry["path"]) for key in ("inputs", "layers", "documents")
             for entry in result.provenance.get(key, []) if entry["path"]}  # fmt: skip
    known.add(str(result.provenance["plan"].get("path") or ""))
    for frame in (result.parcels, result.findings):
        known |= set(frame["source"].dropna().astype(str))
    known |= {str(value) for value in result.facts["value"] if isinstance(value, str)}
    known |= {result.decisions.path} - {""}
    known = {path for path in known if file_name(path) != path}
    folders = {path[: -len(file_name(path))] for path in known}
    longest = sorted((folder for folder in folders if len(folder) > 1), key=len, reverse=True)

    def strip(text: str) -> str:
        for folder in longest:
            text = text.replace(folder, "")
        return text

    def column(frame: Any, names: Sequence[str]) -> Any:
        return frame.assign(**{name: frame[name].map(strip, na_action="ignore") for name in names if name in frame})

    return dataclasses.replace(
        result,
        parcels=column(result.parcels, ("source",)),
        facts=result.facts.assign(value=[strip(v) if isinstance(v, str) else v for v in result.facts["value"]]),
        findings=column(result.findings, ("source", "message", "expected", "actual", "fix")),
        provenance=every_text(result.provenance, strip),
    )
