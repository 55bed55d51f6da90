"""The command line (命令行): parse → job → pipeline. Exit codes are those of the contract."""

from __future__ import annotations

import datetime
import gc
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from typer.exceptions import TyperException

from controllines.errors import ControlLinesError, InputError, OutputError, PlanError, UsageError
from controllines.findings import Finding, finding
from controllines.texts import TomlError, toml_of
from controllines.units import UNITS

USAGE, NOTHING, PLAN, OUTPUT, FAIL_ON, INTERNAL, INTERRUPTED = 2, 3, 4, 5, 10, 70, 130
_EXIT: dict[type[ControlLinesError], int] = {
    UsageError: USAGE,
    PlanError: PLAN,
    OutputError: OUTPUT,
    InputError: NOTHING,
}
#: At most this many error findings are printed; all are in result.json and the xlsx.
SHOWN = 20
_state = {"debug": False}

app = typer.Typer(
    name="controllines",
    help="三条控制线套合核对与面积统计 · Checks land against the three control lines and computes area statistics.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its tables cut Chinese off where a column is narrow
)
rules_app = typer.Typer(
    help="规则包 · Rule packs: list, show, check; explain verdicts.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(rules_app, name="rules")
_OF_HELP = (
    "统计对象，可多次 · what is counted: 永久基本农田 现状地类 | 城镇开发边界:特别用途区 | "
    "生态保护红线+永久基本农田 | 三线合计"
)
_BY_HELP = "统计维度，可多次 · by what: 乡镇 规划分区 一级规划分区 管辖 地类 三大类 | 控制线（线内线外） | 图层:字段"
_FORM_HELP = "另写表样，可多次 · official forms: three_lines 三线占用情况汇总表 | land_classes 土地分类面积表 | .toml"
_FAIL_HELP = "有地块或项目达到该等级（或待核实）时退出码 10"
_PLAN_HELP = "规划：plan.toml、.gpkg 或 .gdb（也可设环境变量 CONTROLLINES_PLAN）· the plan"
Plan = Annotated[str | None, typer.Option("--plan", envvar="CONTROLLINES_PLAN", help=_PLAN_HELP)]
Out = Annotated[str, typer.Option("--out", help="输出文件夹 · output folder")]
ProjectBy = Annotated[
    str | None,
    typer.Option("--project-by", help="项目划分方式 field 字段 | file 文件 | folder 文件夹 | row 要素 · projects by"),
]
Project = Annotated[
    list[str] | None, typer.Option("--project", help="项目信息 名称=值，可多次 · a fact of every project")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="覆盖别的任务的成果 · replace another job's outputs")]
Pack = Annotated[str, typer.Option("--rules", help="规则包：national 或路径 · rule pack")]
Datum = Annotated[
    str | None, typer.Option(help="as_is：境外基准的经纬度按 CGCS2000 看待（试验用）· foreign data as they are")
]
Unit = Annotated[str, typer.Option(help="面积单位 公顷 | 亩 | 万亩 | 平方公里 | 平方米 · unit of areas")]
Decimals = Annotated[int, typer.Option(min=0, max=6, help="小数位数 · decimals")]


@app.callback(invoke_without_command=True)
def _top(
    version: Annotated[bool, typer.Option("--version", help="版本 · versions of the package and its engines")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="出错时显示调用栈 · show tracebacks")] = False,
) -> None:
    _state["debug"] = debug
    if version:
        from controllines.versions import versions

        for name, value in versions().items():
            _say(f"{name} {value}")
        raise typer.Exit


@app.command()
def check(
    parcels: Annotated[list[str], typer.Argument(help="申请地块：文件、文件夹或通配符 · files, folders, patterns")],
    out: Out,
    plan: Plan = None,
    formats: Annotated[
        str,
        typer.Option("--format", help="成果格式（逗号分隔）xlsx, html, docx, forms, gpkg, gdb, shp, csv · outputs"),
    ] = "xlsx,html",
    lines: Annotated[str, typer.Option(help="只核对这些控制线（逗号分隔）· kinds to check")] = "",
    as_of: Annotated[str | None, typer.Option("--as-of", help="核对基准日，缺省为今天 · date of the check")] = None,
    project_by: ProjectBy = None,
    facts_file: Annotated[str | None, typer.Option("--facts", help="项目信息表 xlsx · project facts")] = None,
    project: Project = None,
    decisions: Annotated[str | None, typer.Option("--decisions", help="人工认定（xlsx、toml）· decisions")] = None,
    rules: Annotated[str, typer.Option(help="规则包：national、none 或路径 · rule pack")] = "national",
    explain: Annotated[bool, typer.Option("--explain", help="印出判定过程 · print how it was judged")] = False,
    fail_on: Annotated[str | None, typer.Option("--fail-on", help=f"{_FAIL_HELP} · exit 10 at this level")] = None,
    accuracy: Annotated[float, typer.Option("--accuracy", help="界址点精度（米）· accuracy of the survey")] = 0.05,
    area: Annotated[str, typer.Option(help="文件所印面积 official 椭球 | planar 平面 · printed area")] = "official",
    line_width: Annotated[float | None, typer.Option("--line-width", help="线状工程宽度（米）· width of lines")] = None,
    datum: Datum = None,
    docx_for: Annotated[
        str | None, typer.Option("--docx-for", help="为哪些项目生成核对表 all | not-clear · which get a form")
    ] = None,
    template: Annotated[str | None, typer.Option(help="核对表的 Word 模板 · docx template of the office")] = None,
    marking: Annotated[str, typer.Option(help="每页加印的标记，如 内部资料 · printed on every page")] = "",
    map_lines: Annotated[
        str, typer.Option("--map-lines", help="地图所带控制线 none | near | all · which lines")
    ] = "near",
    out_crs: Annotated[str | None, typer.Option("--out-crs", help="成果图层的坐标系，如 EPSG:4518 · CRS")] = None,
    basemap: Annotated[str | None, typer.Option(help="地图底图地址，含 {z}{x}{y}；省略时不联网 · map tiles")] = None,
    no_paths: Annotated[bool, typer.Option("--no-paths", help="成果中不写文件夹 · keep folders out")] = False,
    overwrite: Overwrite = False,
) -> None:
    """核对申请地块与控制线是否冲突 · Check parcels against the control lines."""
    from controllines.pipeline import CheckOptions, Job, run
    from controllines.report import FormOptions
    from controllines.report.tracefile import traced
    from controllines.results import counts, levels, summary_line
    from controllines.rules import Level, reaches

    _one_of("--datum", datum, (None, "as_is"))
    options = CheckOptions(lines=_split(lines), area=area, rules=rules, accuracy_m=accuracy)
    _check_fail_on(fail_on, rules)
    job = Job(
        parcels=tuple(parcels), plan=_plan_path(plan), out=out, formats=_split(formats), as_of=as_of,
        options=options, datum=datum, project_by=project_by,
        line_width=line_width, map_lines=map_lines, paths=not no_paths, overwrite=overwrite,
        form=FormOptions(docx_for, template, marking), out_crs=out_crs, basemap=basemap,
        facts=facts_file, project=tuple(project or ()), decisions=decisions,
    )  # fmt: skip
    with _progress() as tell:
        outcome = run(job, tell=tell)
    _show_errors(outcome.result.findings)
    table = counts(outcome.result)
    if sys.stderr.isatty():
        _show_counts(table)
    if explain:
        _explain(traced(outcome.result))
    _say(f"{summary_line(outcome.result)}；{_balance(table)}。成果：{out}")
    reached = fail_on is not None and any(reaches(level, cast("Level", fail_on)) for level in levels(outcome.result))
    raise typer.Exit(FAIL_ON if reached else 0 if outcome.complete else 1)


def _check_fail_on(level: str | None, rules: str) -> None:
    from controllines.rules import LEVELS, NONE

    if level is not None and (level not in LEVELS or rules == NONE):
        actual = level if level not in LEVELS else f"{level}（--rules none）"
        raise UsageError.of("OPTION_VALUE", layer="--fail-on", actual=actual, expected="、".join(LEVELS))


def _explain(records: Iterable[Mapping[str, Any]]) -> None:
    from controllines.rules.trace import explained

    for record in records:
        for line in explained(record):
            _say(line)


@app.command()
def facts(
    parcels: Annotated[list[str], typer.Argument(help="申请地块：文件、文件夹或通配符 · files, folders, patterns")],
    out: Annotated[str, typer.Option("--out", help="要写的 xlsx · the form to write")] = "项目信息表.xlsx",
    table: Annotated[str | None, typer.Option("--facts", help="已填写的项目信息表 · a form to start from")] = None,
    project: Project = None,
    project_by: ProjectBy = None,
) -> None:
    """生成项目信息表，填好后作为 --facts · Write the form of project facts."""
    from controllines.facts import gather, rows_of, write_form
    from controllines.parcels import read_parcels

    with _progress() as tell:
        tell("读取申请地块")
        layer = read_parcels(parcels, project_by=project_by, leave_out=[table] if table else [])
        known = gather(layer, pairs=tuple(project or ()), table=table)
        rows = rows_of(layer, known)
        path = write_form(out, rows)
    for item in known.findings:
        _warn(str(item))
    _say(f"{len(rows)} 个项目，已填 {len(known.frame())} 项。成果：{path}")


@app.command()
def stats(
    out: Out,
    of: Annotated[list[str] | None, typer.Option("--of", help=_OF_HELP)] = None,
    by: Annotated[list[str] | None, typer.Option("--by", help=_BY_HELP)] = None,
    plan: Plan = None,
    form: Annotated[list[str] | None, typer.Option("--form", help=_FORM_HELP)] = None,
    total: Annotated[str | None, typer.Option(help="表样的合计行 first | last · where the total stands")] = None,
    unit: Unit = "公顷",
    decimals: Decimals = 2,
    overwrite: Overwrite = False,
) -> None:
    """面积统计：控制线、地类 × 乡镇、分区、线内线外 · Area statistics."""
    from functools import partial

    from controllines.io.writers.names import file_stem
    from controllines.plans import open_plan
    from controllines.report import form_of, write_form, write_statistics
    from controllines.stats import tabulate

    _one_of("--unit", unit, UNITS)
    _one_of("--total", total, (None, "first", "last"))
    chosen = [form_of(name) for name in form or []]
    with _progress() as tell:
        tell("读取规划并统计")
        opened = open_plan(_plan_path(plan))
        tables = [(one, tabulate(opened, of=one.of, by=by if by and one.rows == "units" else one.by)) for one in chosen]
        table = tabulate(opened, of=of or [], by=by or []) if of or not tables else tables[0][1]
        more = {f"{file_stem(one.title)}.xlsx": partial(write_form, own, one, total=total) for one, own in tables}
        written = write_statistics(table, out, unit=unit, decimals=decimals, overwrite=overwrite, more=more)
    for item in table.provenance["findings"]:
        _warn(f"{item['code']} {item['layer'] or ''}: {item['message']}")
    _say(f"{len(table.frame)} 行统计。成果：{'、'.join(str(path) for path in written)}")
    wrong = any(item["severity"] == "error" for item in table.provenance["findings"])
    raise typer.Exit(1 if wrong or table.provenance["unmeasured"] else 0)


@app.command()
def figures(
    texts: Annotated[
        list[str], typer.Argument(metavar="TEXT", help="规划文本 .txt .md .docx，或其文件夹 · plan texts")
    ],
    out: Out,
    plan: Plan = None,
    targets: Annotated[str | None, typer.Option(help="规划指标 .toml，或 托克逊、喀什；须有 --plan · targets")] = None,
    close: Annotated[
        float, typer.Option(min=0, max=0.99, help="余量占目标值多少为“接近” · margin that is close, as a share")
    ] = 0.01,
    overwrite: Overwrite = False,
) -> None:
    """核对文本中的面积数字（图文一致）· Check the areas that plan texts state."""
    from controllines.figures import audit_figures, check_targets
    from controllines.figures.checks import VERDICTS
    from controllines.report.audit import write_audit

    if targets is not None and plan is None:
        raise UsageError.of("PLAN_NOT_GIVEN")
    with _progress() as tell:
        tell("读取文本并核对")
        audit = audit_figures(texts, plan)
        held = None if targets is None else check_targets(targets, audit.measured, close=close)
        written = write_audit(audit, out, targets=held, overwrite=overwrite)
    for item in audit.findings[:SHOWN]:
        _warn(str(item))
    counts = audit.frame["verdict"].value_counts()
    told = "，".join(f"{zh} {counts.get(key, 0)}" for key, zh in VERDICTS.items())
    _say(f"核对 {len(audit.frame)} 处：{told}。成果：{'、'.join(str(path) for path in written)}")
    raise typer.Exit(1 if audit.findings else 0)


@app.command()
def raster(
    file: Annotated[str, typer.Argument(metavar="RASTER", help="栅格 .tif .img .asc · raster of classes or values")],
    out: Out,
    by: Annotated[list[str], typer.Option("--by", help="统计单元，可多次 · kinds of units")],
    of: Annotated[list[str] | None, typer.Option("--of", help="控制线，缺省为三条控制线 · kinds of lines")] = None,
    plan: Plan = None,
    band: Annotated[int, typer.Option(min=1, help="波段 · band")] = 1,
    breaks: Annotated[str, typer.Option(help="连续值各级上限，如 2,6,15,25 · upper ends of classes")] = "",
    names: Annotated[str, typer.Option(help="类别名称，如 1=耕地,2=林地 · names of classes")] = "",
    crs: Annotated[str | None, typer.Option(help="栅格没有坐标系时声明 · CRS of a raster without one")] = None,
    datum: Datum = None,
    unit: Unit = "公顷",
    decimals: Decimals = 2,
    overwrite: Overwrite = False,
) -> None:
    """分单元、线内线外的栅格分类面积 · Areas of raster classes."""
    from controllines.raster import raster_areas
    from controllines.report import write_statistics

    _one_of("--unit", unit, UNITS)
    ends, named = _numbers(breaks), _class_names(names)
    with _progress() as tell:
        tell("读取规划和栅格并统计")
        table = raster_areas(file, _plan_path(plan), by=by, of=of or None, band=band, breaks=ends, names=named, crs=crs,
                             datum=datum)  # fmt: skip
        written = write_statistics(table, out, unit=unit, decimals=decimals, overwrite=overwrite)
    said = table.provenance["raster"]
    for item in said["findings"]:
        _warn(f"{item['code']} {item['source']}: {item['message']}")
    balance = f"各类之和与单元面积最大相差 {said['off_m2']:.4f} 平方米（上限 {said['bound_m2']:.4f}）"
    _say(f"{len(table.frame)} 行统计，{balance}。成果：{'、'.join(str(path) for path in written)}")
    wrong = any(item["severity"] == "error" for item in said["findings"])
    raise typer.Exit(1 if wrong or table.provenance["unmeasured"] else 0)


def _numbers(text: str) -> list[float] | None:
    try:
        return [float(part) for part in _split(text)] or None
    except ValueError:
        raise UsageError.of("OPTION_VALUE", layer="--breaks", actual=text, expected="2,6,15,25") from None


def _class_names(text: str) -> dict[int, str]:
    try:
        return {int(value): name.strip() for value, name in (part.split("=", 1) for part in _split(text))}
    except ValueError:
        raise UsageError.of("OPTION_VALUE", layer="--names", actual=text, expected="1=耕地,2=林地") from None


@app.command()
def prepare(
    plan: Annotated[str, typer.Argument(help="规划：plan.toml、.gpkg 或 .gdb · the plan")],
    out: Annotated[str, typer.Option("--out", help="预处理规划的文件夹，如 县名.plan · folder of the prepared plan")],
) -> None:
    """预处理规划，供多次核对 · Prepare a plan for many checks."""
    from controllines.plans import open_plan
    from controllines.preparation import prepare as prepare_plan

    with _progress() as tell:
        folder = prepare_plan(plan, out, tell=tell)
    prepared = open_plan(folder)
    for item in prepared.failed.values():
        _warn(str(item))
    _say(f"{len(prepared.layers)} 个图层、{sum(map(len, prepared.layers.values()))} 个要素已预处理。成果：{folder}")
    raise typer.Exit(1 if prepared.failed else 0)


@app.command()
def info(
    file: Annotated[str, typer.Argument(help="数据文件或预处理规划 · any readable file, or a prepared plan")],
    verify: Annotated[bool, typer.Option("--verify", help="校验预处理规划的全部数据 · check every block")] = False,
) -> None:
    """说明一个文件是什么 · Tell what a file is, layer by layer."""
    from controllines.plans import is_prepared

    if is_prepared(file):
        from controllines.preparation import describe as describe_plan

        lines = describe_plan(file, verify=verify)
    else:
        from controllines.describe import describe

        lines = describe(file)
    for line in lines:
        _say(line)


@app.command()
def convert(
    source: Annotated[str, typer.Argument(metavar="IN", help="数据文件 · any readable file")],
    target: Annotated[str, typer.Argument(metavar="OUT", help="输出文件，格式由后缀定 · its suffix is the format")],
    layer: Annotated[str | None, typer.Option(help="只转换这个图层 · the one layer to convert")] = None,
    decimals: Annotated[int, typer.Option(min=3, max=9, help="TXT 坐标小数位 · decimals of a TXT")] = 3,
    overwrite: Overwrite = False,
) -> None:
    """转换格式 · Convert between all readable formats."""
    from controllines import convert as room
    from controllines.io.writers import Header
    from controllines.plans import is_prepared
    from controllines.preparation import sources_in

    today = datetime.date.today()
    header = Header(decimals=decimals, date=f"{today.year}-{today.month}-{today.day}")
    prepared = sources_in(source, layer) if is_prepared(source) else None
    done = room.convert(source, target, layer=layer, overwrite=overwrite, header=header, sources=prepared)
    for item in done.findings[:SHOWN]:
        _warn(str(item))
    if len(done.findings) > SHOWN:
        _warn(f"……另有 {len(done.findings) - SHOWN} 条问题")
    counts = f"读入 {done.features_in} 个要素，写出 {done.written} 个，未写出 {done.set_aside} 个"
    _say(f"{counts}。成果：{'、'.join(str(path) for path in done.files)}")
    excluded = done.set_aside or any(item.severity == "error" for item in done.findings)
    raise typer.Exit(1 if excluded else 0)


@app.command()
def demo(
    out: Out,
    size: Annotated[str, typer.Option(help="规模 small 小 | county 整县 · size of the county")] = "small",
    seed: Annotated[int, typer.Option(help="随机种子 · seed of the synthetic county")] = 650422,
    overwrite: Overwrite = False,
) -> None:
    """生成合成演示县并完整核对一遍 · Make and check the demo county."""
    from controllines import demo as demo_county
    from controllines.pipeline import Job, run
    from controllines.report import write_statistics
    from controllines.results import outcome_table, summary_line
    from controllines.stats import tabulate

    _one_of("--size", size, ("small", "county"))
    folder = Path(out)
    with _progress() as tell:
        tell("生成合成演示县")
        made = demo_county.make_demo(folder, size=size, seed=seed)
        results = folder / "核对结果"
        outcome = run(Job(parcels=(str(made.applications),), plan=str(made.plan), out=str(results),
                          overwrite=overwrite), tell=tell)  # fmt: skip
        tell("统计")
        table = tabulate(outcome.result.plan, of=["生态保护红线", "永久基本农田", "城镇开发边界"],
                         by=["乡镇", "规划分区"])  # fmt: skip
        write_statistics(table, folder / "面积统计", overwrite=overwrite)
    _say("合成数据，仅供演示。")
    _say(summary_line(outcome.result))
    _say(outcome_table(outcome.result).to_string())
    _say("请打开：")
    for path in (results / "地图.html", results / "三线核对汇总表.xlsx", folder / "面积统计" / "面积统计表.xlsx"):
        _say(f"  {path.resolve()}")


@rules_app.command("list")
def list_rules(rules: Pack = "national") -> None:
    """列出规则 · List the rules of a pack."""
    from controllines.rules import listed, load_pack

    for line in listed(load_pack(rules)):
        _say(line)


@rules_app.command("show")
def show_rule(
    rule: Annotated[str, typer.Argument(help="规则编号，如 PBF-01 · id of a rule")], rules: Pack = "national"
) -> None:  # fmt: skip
    """显示一条规则及其依据 · Show one rule with its clauses."""
    from controllines.rules import described, load_pack

    for line in described(load_pack(rules), rule):
        _say(line)


@rules_app.command("validate")
def validate_rules(pack: Annotated[str, typer.Argument(help="规则包：.toml 文件或文件夹 · a pack")]) -> None:
    """检查规则包 · Check a rule pack; every fault with file, line and key."""
    from controllines.rules import load_pack

    loaded = load_pack(pack)
    changes = f"，改动 {len(loaded.changes)} 处，增加 {len(loaded.added)} 条" if loaded.base else ""
    _say(f"{loaded.header.name} {loaded.header.version}：{len(loaded.rules)} 条规则{changes}，没有发现问题")


@rules_app.command("explain")
def explain_rules(
    result: Annotated[str, typer.Argument(help="输出文件夹或 result.json · output folder or result.json")],
    parcel: Annotated[str, typer.Argument(help="地块编号或项目编号 · id of a parcel or project")],
) -> None:
    """说明一个地块或项目是怎样判定的 · Explain how a parcel or project was judged."""
    from controllines.report.tracefile import read_trace

    _explain(read_trace(result, parcel))


def main() -> None:
    """Run the command line; the only place where errors become exit codes."""
    _utf8()
    gc.set_threshold(50_000)  # start-up makes many objects, and little garbage
    try:
        code = app(_spread(sys.argv[1:]), standalone_mode=False)
    except TyperException as error:
        cast("Any", error).show()
        sys.exit(USAGE)
    except ControlLinesError as error:
        for cause in error.causes[:SHOWN]:
            _warn(str(cause))
        _fail(error.finding, next(code for kind, code in _EXIT.items() if isinstance(error, kind)))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001  the last resort: an internal error is reported, with its own exit code
        _fail(finding("INTERNAL", actual=f"{type(error).__name__}: {error}"), INTERNAL)
    sys.exit(code or 0)


def _spread(arguments: list[str]) -> list[str]:
    """Let ``--of`` and ``--by`` take several values in a row, as the contract writes them."""
    out: list[str] = []
    repeated = ""
    for argument in arguments:
        if argument.startswith("-"):
            repeated = argument if argument in ("--of", "--by") else ""
        elif repeated and out[-1] != repeated:
            out.append(repeated)
        out.append(argument)
    return out


def _fail(problem: Finding, code: int) -> None:
    if _state["debug"]:
        traceback.print_exc()
    _warn(str(problem))
    sys.exit(code)


def _utf8() -> None:
    """Chinese on any console: a Windows code page would stop at the first character it lacks."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")


def _say(text: str) -> None:
    print(text)


def _warn(text: str) -> None:
    print(text, file=sys.stderr)


def _balance(table: Any) -> str:
    whole = table[["features_in", "used", "excluded"]].sum()
    return f"{len(table)} 个图层的要素 {whole.features_in} = 使用 {whole.used} + 排除 {whole.excluded}"


def _show_counts(table: Any) -> None:
    """Print features in = used + excluded of each file and layer, those with exclusions first."""
    _warn(_balance(table))
    for row in table.sort_values("excluded", ascending=False, kind="stable").head(SHOWN).itertuples():
        where = ":".join(part for part in (Path(row.source).name, row.layer) if isinstance(part, str))
        _warn(f"  {row.features_in} = {row.used} + {row.excluded}  {where}")
    if len(table) > SHOWN:
        _warn(f"  ……另有 {len(table) - SHOWN} 个图层，见 result.json")


def _show_errors(findings: object) -> None:
    """Print what was excluded or could not be checked, as ``CODE file:layer:feature: message; fix``."""
    errors = findings[findings["severity"] == "error"]  # type: ignore[index]
    for row in errors.head(SHOWN).itertuples():
        where = ":".join(str(part) for part in (row.source, row.layer, row.feature) if isinstance(part, str) and part)
        _warn(f"{row.code} {where}: {row.message}; {row.fix}")
    if len(errors) > SHOWN:
        _warn(f"……另有 {len(errors) - SHOWN} 条问题，见 result.json 和 三线核对汇总表.xlsx")


def _one_of(option: str, given: str | None, allowed: Collection[str | None]) -> None:
    if given not in allowed:
        raise UsageError.of("OPTION_VALUE", layer=option, actual=given, expected="、".join(filter(None, allowed)))


def _plan_path(plan: str | None) -> str:
    if plan:
        return plan
    here = Path("controllines.toml")
    if here.exists():
        # Either a plan itself, or plan = "path of one".
        try:
            named = toml_of(here.read_bytes()).get("plan")
        except TomlError:
            return str(here)  # opened as a plan, it names the line
        return named if isinstance(named, str) else str(here)
    raise UsageError.of("PLAN_NOT_GIVEN")


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("，", ",").split(",") if part.strip())


@contextmanager
def _progress() -> Iterator[Callable[[str], object]]:
    """Show the current stage on stderr, only on a terminal."""
    if not sys.stderr.isatty():
        yield str
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("") as status:
        yield status.update


if __name__ == "__main__":
    main()
