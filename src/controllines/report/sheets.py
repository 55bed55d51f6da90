"""The tables of the report (报表), with Chinese headings: what the xlsx shows sheet by sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from controllines.classes import classification
from controllines.decisions import DECIDED
from controllines.findings import LISTED_PER_CODE, SEVERITIES, catalogue
from controllines.kinds import AVOID, registry
from controllines.report.figures import Figure, area, figure, metres, percent, total
from controllines.report.model import LineRow, ParcelRow, ProjectRow, Report
from controllines.report.points import MOST
from controllines.report.rows import Row, file_name
from controllines.report.rulings import Ruling
from controllines.report.sentences import Scope
from controllines.report.words import clean, say, word, words
from controllines.units import NO_DATA

#: Places listed per group of findings.
PLACES = 20

Cell = str | int | Figure


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    heading : Chinese heading, may hold line breaks
    width : in widths of a digit
    kind : ``text``, ``wrap`` (long text), ``level`` (of 人工认定, to choose), ``count``, ``ha``, ``mu``, ``m2``, ``m``,
        ``coordinate`` or ``percent``
    group : heading above it, shared with its neighbours
    total : whether its sum stands below the table
    """

    heading: str
    width: float
    kind: str = "text"
    group: str = ""
    total: bool = False


@dataclass(frozen=True)
class Table:
    """One table: a sheet of the xlsx."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    areas: bool = True

    @property
    def totals(self) -> tuple[Cell, ...]:
        """The last row: sums of the printed figures; empty where there is nothing to sum."""
        if not self.rows or not any(column.total for column in self.columns):
            return ()
        sums: list[Cell] = [
            total([cell for cell in cells if isinstance(cell, Figure)]) if column.total else ""
            for column, cells in zip(self.columns, zip(*self.rows, strict=True), strict=True)
        ]
        sums[0] = word("headings", "total")
        return tuple(sums)


def tables(report: Report) -> tuple[Table, ...]:
    """Return all tables of a report in the order of the sheets; rulings and corner points where there are any."""
    makers: tuple[Callable[[Report], Table], ...] = (
        _summary, _detail, _rulings, _pieces, _units, _projects, _corners, _findings, _notes,
    )  # fmt: skip
    made = [make(report) for make in makers if make is not _rulings or report.provenance["rule_pack"] is not None]
    return tuple(table for table in made if table.rows or table.name != word("sheets", "corners"))


def _column(key: str, width: float, kind: str = "text", *, group: str = "", summed: bool = False) -> Column:
    return Column(word("headings", key), width, kind, group, summed)


def _line_columns(scope: Scope) -> list[Column]:
    name = clean(scope.kind.zh)
    result = _column("result", 17, group=name)
    keys: tuple[tuple[str, str], ...]
    if scope.kind.sense != AVOID:
        keys = (("inside_ha", "ha"), ("outside_ha", "ha"), ("outside_mu", "mu"))
    elif "kcxs" in scope.kind.fields:
        keys = (("net_ha", "ha"), ("net_mu", "mu"), ("gross_ha", "ha"))
    else:
        keys = (("overlap_ha", "ha"), ("overlap_mu", "mu"))
    return [result, *(_column(key, 10, kind, group=name, summed=True) for key, kind in keys)]


def _line_cells(scope: Scope, line: LineRow | None) -> list[Cell]:
    if line is None:
        return [NO_DATA] * len(_line_columns(scope))
    shown = line.shown
    if scope.kind.sense != AVOID:
        return [line.result, shown.inside.ha, shown.outside.ha, shown.outside.mu]
    if "kcxs" in scope.kind.fields:
        return [line.result, shown.net.ha, shown.net.mu, shown.conflict.ha]
    return [line.result, shown.conflict.ha, shown.conflict.mu]


def _lines(lines: Sequence[LineRow], scopes: Sequence[Scope]) -> Iterator[Cell]:
    mine = {line.scope.kind.key: line for line in lines}
    for scope in scopes:
        yield from _line_cells(scope, mine.get(scope.kind.key))


def _summary(report: Report) -> Table:
    columns = [
        _column("serial", 6, "count"), _column("parcel_id", 16, "wrap"), _column("project", 20, "wrap"),
        _column("name", 20, "wrap"), _column("status", 11), _column("declared_ha", 10, "ha", summed=True),
        _column("planar_ha", 10, "ha", summed=True), _column("official_ha", 10, "ha", summed=True),
        _column("mu", 9, "mu", summed=True),
    ]  # fmt: skip
    for scope in report.scopes:
        columns += _line_columns(scope)
    columns += [_column("verdict", 18, "wrap"), _column("township", 13, "wrap"), _column("zone", 15, "wrap")]
    columns.append(_column("reason", 24, "wrap"))

    def cells(parcel: ParcelRow) -> tuple[Cell, ...]:
        return (
            parcel.serial, parcel.parcel_id, parcel.project, parcel.name, word("status", parcel.status),
            parcel.declared.ha, parcel.planar.ha, parcel.official.ha, parcel.shown.mu,
            *_lines(parcel.lines, report.scopes), parcel.verdict if parcel.lines else NO_DATA,
            _names(parcel, "township"), _names(parcel, "planning_zone"), parcel.reason,
        )  # fmt: skip

    return Table(word("sheets", "summary"), tuple(columns), tuple(map(cells, report.parcels)))


def _names(parcel: ParcelRow, kind: str) -> str:
    return "、".join(parcel.unit_names(kind)) or NO_DATA


def _detail(report: Report) -> Table:
    other = "other_official_ha" if report.show.planar else "other_planar_ha"
    columns: tuple[Column, ...] = (
        _column("parcel_id", 16, "wrap"), _column("project", 20, "wrap"), _column("line", 16), _column("result", 17),
        _column("in_ha", 11, "ha"), _column("out_ha", 11, "ha"), _column("conflict_ha", 13, "ha"),
        _column("conflict_mu", 13, "mu"), _column("share", 9, "percent"), _column("net_only_ha", 12, "ha"),
        _column("uncovered_ha", 11, "ha"), _column(other, 13, "ha"), _column("contact_m2", 11, "m2"),
        _column("sliver_m2", 11, "m2"), _column("shared_m2", 13, "m2"), _column("depth_m", 8, "m"),
        _column("width_m", 8, "m"), _column("clearance_m", 8, "m"), _column("flags", 18, "wrap"),
        _column("verdict", 22, "wrap"), _column("sentence", 60, "wrap"),
    )  # fmt: skip
    ruled = any(line.ruling.level for parcel in report.parcels for line in parcel.lines)
    if ruled:
        kinds = ("level", "wrap", "wrap", "text", "text")
        columns += tuple(Column(head, 16, kind) for head, kind in zip(DECIDED, kinds, strict=True))

    def cells(parcel: ParcelRow, line: LineRow) -> tuple[Cell, ...]:
        shown, row = line.shown, line.row
        decided = report.decisions.get((row["parcel_id"], row["kind"])) if ruled else None
        small = (figure(row[key], "平方米") for key in ("contact_m2", "sliver_m2", "shared_m2"))
        return (
            parcel.parcel_id, parcel.project, clean(line.scope.kind.zh), line.result,
            shown.inside.ha, shown.outside.ha, shown.conflict.ha, shown.conflict.mu, percent(row["share"]),
            shown.net.ha, shown.uncovered.ha, area(report.show.other(row)).ha, *small,
            *(metres(row[key]) for key in ("depth_m", "width_m", "clearance_m")),
            "、".join(line.flags), line.ruling.original or line.ruling.word, line.sentence,
            *(decided.shown if decided else [""] * len(DECIDED) if ruled else []),
        )  # fmt: skip

    rows = tuple(cells(parcel, line) for parcel in report.parcels for line in parcel.lines)
    return Table(word("sheets", "detail"), columns, rows)


def _rulings(report: Report) -> Table:
    """Return what the rules say, with clauses and questions; lines that are clear without a note are left to 明细."""
    columns = (
        _column("subject", 9), _column("subject_id", 18, "wrap"), _column("line", 16), _column("verdict", 22, "wrap"),
        _column("ruling", 56, "wrap"), _column("basis", 40, "wrap"), _column("authority", 16, "wrap"),
        _column("requires", 26, "wrap"), _column("question", 50, "wrap"), _column("sensitive", 14, "wrap"),
        _column("rule_ids", 14, "wrap"),
    )  # fmt: skip
    rows = tuple(
        (subject, identity, line, said.word, "".join(said.sentences), "；".join(said.basis), said.authority,
         "、".join(said.requires), "".join(said.questions), word("ruling", "sensitive") if said.sensitive else "",
         "、".join(said.rules))
        for subject, identity, line, said in _ruled(report)
        if said.rules and (said.speaks or said.sensitive)
    )  # fmt: skip
    return Table(word("sheets", "rulings"), columns, rows, areas=False)


def _ruled(report: Report) -> Iterator[tuple[str, str, str, Ruling]]:
    for project in report.projects:
        for line in project.lines:
            yield word("headings", "project"), project.project_id, clean(line.scope.kind.zh), line.ruling
        for name, said in project.rulings:
            yield word("headings", "project"), project.project_id, name, said
    for parcel in report.parcels:
        for line in parcel.lines:
            yield word("headings", "parcel"), parcel.parcel_id, clean(line.scope.kind.zh), line.ruling


def _area_columns(report: Report) -> tuple[Column, ...]:
    other = "official_ha" if report.show.planar else "planar_ha"
    return _column("ha", 12, "ha", summed=True), _column("mu", 12, "mu", summed=True), _column(other, 12, "ha")


def _pieces(report: Report) -> Table:
    columns = (
        _column("parcel_id", 18, "wrap"), _column("project", 24, "wrap"), _column("line", 18),
        _column("feature_id", 26, "wrap"), _column("class", 22, "wrap"), *_area_columns(report),
    )  # fmt: skip
    rows = tuple(
        (parcel.parcel_id, parcel.project, clean(line.scope.kind.zh), clean(piece["feature_id"]),
         clean(piece["class"]) or NO_DATA, part.ha, part.mu, area(report.show.other(piece)).ha)
        for parcel in report.parcels for line in parcel.lines for piece, part in line.pieces
    )  # fmt: skip
    return Table(word("sheets", "pieces"), columns, rows)


def _units(report: Report) -> Table:
    columns = (
        _column("parcel_id", 18, "wrap"), _column("project", 24, "wrap"), _column("unit_kind", 18), _column("code", 16),
        _column("name", 24), *_area_columns(report),
    )  # fmt: skip
    rows = tuple(
        (parcel.parcel_id, parcel.project, _unit_kind(unit), clean(unit["code"]) or NO_DATA, clean(unit["name"]),
         part.ha, part.mu, area(report.show.other(unit)).ha)
        for parcel in report.parcels for unit, part in parcel.units
    )  # fmt: skip
    return Table(word("sheets", "units"), columns, rows)


def _unit_kind(unit: Row) -> str:
    kind = registry().get(unit["kind"])
    return kind.zh if kind else clean(unit["kind"])


def _projects(report: Report) -> Table:
    columns = [
        _column("serial", 6, "count"), _column("project_id", 20, "wrap"), _column("project_name", 26, "wrap"),
        _column("parcels", 8, "count"), _column("ha", 12, "ha", summed=True), _column("mu", 12, "mu", summed=True),
    ]  # fmt: skip
    for scope in report.scopes:
        columns += _line_columns(scope)
    columns.append(_column("verdict", 18, "wrap"))
    if report.forms:
        columns.append(_column("form", 36, "wrap"))

    def cells(serial: int, project: ProjectRow) -> tuple[Cell, ...]:
        return (
            serial, project.project_id, project.name, project.parcels, project.shown.ha, project.shown.mu,
            *_lines(project.lines, report.scopes), project.verdict if project.lines else NO_DATA,
            *([report.forms.get(project.project_id, NO_DATA)] if report.forms else []),
        )  # fmt: skip

    rows = tuple(cells(serial, project) for serial, project in enumerate(report.projects, start=1))
    return Table(word("sheets", "projects"), tuple(columns), rows)


def _corners(report: Report) -> Table:
    """Return the corner points of the projects that have too many for their form (界址点)."""
    columns = (
        _column("project_id", 20, "wrap"), _column("parcel_id", 18, "wrap"), _column("ring", 7, "text"),
        _column("point", 9), *(Column(heading, 16, "coordinate") for heading in report.corners.axes),
        _column("edge_m", 10, "m"),
    )  # fmt: skip
    many = {project: parcels for project, parcels in report.members.items()
            if not report.corners.few([parcel.parcel_id for parcel in parcels])}  # fmt: skip
    rows = tuple(
        (project, parcel.parcel_id, *cells)
        for project, parcels in many.items() for parcel in parcels for cells in _points(report, parcel.parcel_id)
    )  # fmt: skip
    return Table(word("sheets", "corners"), columns, rows, areas=False)


def _points(report: Report, parcel: str) -> Iterator[tuple[Cell, ...]]:
    count = report.corners.counts.get(parcel, 0)
    if count > MOST:
        yield "", say("headings", "in_file", count=count), "", "", ""
    yield from ((point.ring, point.name, point.x, point.y, point.edge) for point in report.corners.of(parcel))


def _findings(report: Report) -> Table:
    columns = (
        _column("severity", 9), _column("count", 9, "count"), _column("source", 30, "wrap"),
        _column("layer", 16, "wrap"), _column("message", 50, "wrap"), _column("fix", 44, "wrap"),
        _column("cause", 40, "wrap"), _column("places", 44, "wrap"), _column("code_finding", 26),
    )  # fmt: skip
    groups = _groups_of(report.findings)
    mine = {parcel.source for parcel in report.parcels}
    order = sorted(groups.values(), key=lambda rows: (clean(rows[0]["source"]) not in mine, _severity(rows[0])))
    counts = report.provenance["finding_counts"]
    layers: dict[str, int] = {}
    for code, *_ in groups:
        layers[code] = layers.get(code, 0) + 1
    rows = tuple(_finding(rows, counts, alone=layers[rows[0]["code"]] == 1) for rows in order)
    return Table(word("sheets", "findings"), columns, rows, areas=False)


def _groups_of(findings: Sequence[Row]) -> dict[tuple[str, str | None, str | None], list[Row]]:
    """Group findings by code and layer; errors by file too, as each says something else."""
    groups: dict[tuple[str, str | None, str | None], list[Row]] = {}
    for row in findings:
        source = row["source"] if row["severity"] == "error" else None
        groups.setdefault((row["code"], source, row["layer"]), []).append(row)
    return groups


def _severity(row: Row) -> int:
    return SEVERITIES.index(row["severity"])


def _finding(rows: list[Row], counts: dict[str, int], *, alone: bool) -> tuple[Cell, ...]:
    first = rows[0]
    count: str | int = counts.get(first["code"], len(rows)) if alone else len(rows)
    if not alone and len(rows) >= LISTED_PER_CODE:
        count = say("notes", "capped", count=len(rows))
    entry = catalogue().get(first["code"])
    sources = list(dict.fromkeys(clean(row["source"]) for row in rows))
    source = say("notes", "files", first=sources[0], count=len(sources)) if len(sources) > 1 else sources[0]
    places = list(dict.fromkeys(filter(None, (_place(row, with_file=len(sources) > 1) for row in rows))))
    listed = "、".join(places[:PLACES]) + (word("notes", "more") if len(places) > PLACES else "")
    return (
        word("severity", first["severity"]), count, source, clean(first["layer"]),
        clean(first["message"]), clean(first["fix"]), entry.cause if entry else "", listed, first["code"],
    )  # fmt: skip


def _place(row: Row, *, with_file: bool) -> str:
    parts = (file_name(clean(row["source"])) if with_file else "", clean(row["feature"]))
    feature = "：".join(filter(None, parts))
    if row["x"] is None or row["y"] is None:
        return feature
    return f"{feature}（{row['x']:.10g}, {row['y']:.10g}）"


def _notes(report: Report) -> Table:
    columns = (_column("item", 26), _column("content", 110, "wrap"))
    rows = tuple((clean(item), clean(text)) for item, text in note_lines(report) if text)
    return Table(word("sheets", "notes"), columns, rows, areas=False)


def note_lines(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what the sheet 说明 says: item and text."""
    info = report.provenance
    yield from ((word("notes", "synthetic"), text) for text in report.banners)
    yield word("notes", "run_id"), report.run_id
    yield word("notes", "as_of"), info["as_of"]
    yield word("notes", "plan"), say("notes", "plan_text", **_texts(info["plan"], ("name", "version", "county")))
    yield word("notes", "checked"), kind_names(report, info["checked"])
    yield word("notes", "not_checked"), kind_names(report, info["not_checked"])
    yield word("notes", "rules"), _pack(info["rule_pack"])
    yield word("notes", "convention"), report.convention
    yield word("notes", "area_note"), word("area", "official_note")
    yield word("notes", "printing"), word("area", "printed")
    yield word("notes", "balanced"), word("area", "balanced")
    yield word("notes", "farmland"), word("area", "farmland")
    if report.cleaned:
        yield word("notes", "cleaned"), say("notes", "cleaned_text", count=report.cleaned)
    for layer in info["layers"]:
        yield f"{word('notes', 'layer')}：{clean(layer['name_zh'])}", _layer_text(layer)
    for entry in info["inputs"]:
        keys = ("features_in", "used", "excluded", "crs", "crs_found", "encoding", "sha256")
        yield f"{word('notes', 'input')}：{_where(entry)}", say("notes", "input_text", **_texts(entry, keys))
    yield word("notes", "options"), _options(report)
    yield word("notes", "versions"), "；".join(f"{name} {clean(text)}" for name, text in info["versions"].items())
    yield word("notes", "disclaimer"), word("titles", "disclaimer")


def _pack(record: Row | None) -> str:
    """Return what the report says of the rule pack, and of what a county's pack changed."""
    if record is None:
        return word("titles", "verdict_none")
    keys = ("name", "id", "version", "rules", "sha256")
    said = [say("ruling", "pack_text", **{key: clean(record[key]) for key in keys})]
    if record["extends"]:
        said.append(say("ruling", "extends", name=record["extends"]["name"], version=record["extends"]["version"]))
    changes = [say("ruling", "changed", entry=item["entry"], keys="、".join(item["keys"])) if item["keys"]
               else say("ruling", "disabled", entry=item["entry"]) for item in record["changes"]]  # fmt: skip
    said += [say("ruling", "changes", entries="、".join(changes))] if changes else []
    said += [say("ruling", "added", entries="、".join(record["added"]))] if record["added"] else []
    return clean("；".join(said))


def _layer_text(layer: Row) -> str:
    keys = ("version", "as_at", "source", "approval", "features_in", "used", "excluded", "crs", "crs_found",
            "coverage", "path", "sha256")  # fmt: skip
    return say("notes", "layer_text", table=clean(layer.get("layer")), **_texts(layer, keys))


def _where(entry: Row) -> str:
    return " ".join(filter(None, (clean(entry["path"]), clean(entry.get("layer")))))


def _texts(entry: Row, keys: Sequence[str]) -> dict[str, str]:
    return {key: clean(entry.get(key)) or NO_DATA for key in keys}


def kind_names(report: Report, keys: Sequence[str]) -> str:
    """Return the Chinese names of kinds of lines, in one text."""
    own = {scope.kind.key: clean(scope.kind.zh) for scope in report.scopes}
    names = [own.get(key) or (registry()[key].zh if key in registry() else clean(key)) for key in keys]
    return "、".join(names) or word("notes", "nothing")


def _options(report: Report) -> str:
    return "；".join(
        f"{name}：{_option(report, key, report.provenance['options'][key])}"
        for key, name in words()["options"].items()
        if report.provenance["options"].get(key) is not None
    )


def _option(report: Report, key: str, value: object) -> str:
    if key == "area":
        return report.show.name
    if key == "lines" and isinstance(value, list | tuple):
        return kind_names(report, [str(item) for item in value])
    if key == "big_classes" and isinstance(value, dict):
        return "，".join(f"{code} {classification().name(code) or ''} 归{big}" for code, big in value.items())
    return clean(value)
