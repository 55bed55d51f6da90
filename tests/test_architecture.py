"""The house keeps its shape: who may import whom, how long a function may grow, what never stands in a file."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.pages import pages

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "src" / "controllines"

#: Rooms by level; a module imports only from lower levels. ``io``, ``report`` and ``demo`` are packages, one room each.
LEVELS = (
    ("packaged",),
    ("findings", "versions", "texts"),
    ("errors", "strict"),
    ("units", "rounding", "crs", "kinds", "inscribed", "packed", "styles"),
    ("area", "clean", "corridors", "datum", "lengths", "tables", "io", "classes", "roles"),
    ("guard", "standards"),
    ("tiles",),
    ("outlines",),
    ("windows",),
    ("layers", "workers", "generations"),
    ("parcels", "schema", "variants", "extents", "convert", "facts"),
    ("overlay", "store", "describe"),
    ("planfile",),
    ("drafts",),
    ("plans", "regions", "crossing"),
    ("dimensions",),
    ("partition", "balance"),
    ("conflicts", "stats", "raster"),
    ("rules",),
    ("frames", "corners", "provenance", "preparation", "landuse", "combined", "figures"),
    ("decisions",),
    ("results", "approvals"),
    ("plots",),
    ("report",),
    ("judging",),
    ("pipeline",),
    ("demo",),
    ("cli",),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
#: The lazy façade and the way in by ``python -m`` stand outside the house.
OUTSIDE = {"__init__", "__main__"}

#: ``tests/`` mirrors the package: ``a/b.py`` is tested by ``tests/a/test_b.py``. What stands for the whole, and why:
WHOLE = {
    "fuzz": "files broken at random, from file to result",
    "proof": "the engine against exact arithmetic, by the thousand",
    "property": "what must hold for any input, and the oracles",
    "report/test_browser.py": "地图.html in a real browser",
    "report/test_golden.py": "texts and tables of the demo county, as they were looked at",
    "report/test_same_numbers.py": "every number is the same in all documents",
    "rules/test_national_pack.py": "the national rule pack as data: its sources, dates and clauses",
    "rules/test_national_verdicts.py": "the national rule pack as data: facts that make each rule hold",
    "test_architecture.py": "the house itself",
    "test_benchmarks.py": "benchmarks/, which are no part of the package",
    "test_docs.py": "the pages against the program",
    "test_facade.py": "the names of the package itself",
    "test_failures.py": "the catalogue of failures, from file to result",
    "test_notebooks.py": "notebooks/, run from top to bottom",
    "test_real_data.py": "real data, from file to result",
    "test_wording.py": "words that stand in no catalogue",
}

MAX_BODY_LINES, MAX_FILE_LINES, MAX_POSITIONAL, MAX_ARGUMENTS = 60, 450, 4, 10

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> dict[str, Path]:
    """Every module by its dotted name below the package; a package goes by its own name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)] = path
    return found


INSIDE = {name: path for name, path in modules().items() if name not in OUTSIDE}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(name: str, path: Path) -> Iterator[str]:
    """Dotted names below the package that a module imports, anywhere in it."""
    known = modules()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (a.name.partition(".")[2] for a in node.names if a.name.split(".")[0] == "controllines")
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                parents = package.split(".") if package else []
                base = ".".join([*parents[: len(parents) - node.level + 1], *([source] if source else [])])
            elif source.split(".")[0] == "controllines":
                base = source.partition(".")[2]
            else:
                continue
            for alias in node.names:
                full = f"{base}.{alias.name}" if base else alias.name
                yield full if full in known or not base else base


@pytest.mark.parametrize("name", INSIDE)
def test_imports_only_from_lower_levels(name: str) -> None:
    room = name.partition(".")[0]
    assert room in LEVEL, f"{name} is in no level of the table"
    for target in imports(name, INSIDE[name]):
        other = target.partition(".")[0]
        if other in {room, "__version__"}:
            continue
        assert other in LEVEL, f"{name} imports {target or 'the façade'}, which is in no level of the table"
        assert LEVEL[other] < LEVEL[room], f"{name} (level {LEVEL[room]}) imports {target} (level {LEVEL[other]})"


def test_the_table_of_levels_names_no_room_that_is_not_there() -> None:
    assert sorted(set(LEVEL) - {name.partition(".")[0] for name in INSIDE}) == []


def test_no_import_cycle() -> None:
    graph = {name: set(imports(name, path)) & set(INSIDE) - {name} for name, path in INSIDE.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_the_facade_is_lazy() -> None:
    heavy = "{'geopandas', 'pandas', 'shapely', 'pyproj', 'pyogrio', 'typer'}"
    code = f"import sys, controllines; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("name", INSIDE)
def test_no_work_at_import(name: str) -> None:
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    for node in tree(INSIDE[name]).body:
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        types_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        assert isinstance(node, allowed) or text or types_only or name == "cli", f"{name}:{node.lineno}"


@pytest.mark.parametrize("name", INSIDE)
def test_nothing_prints_but_the_command_line(name: str) -> None:
    calls = [n for n in ast.walk(tree(INSIDE[name])) if isinstance(n, ast.Call) and ast.unparse(n.func) == "print"]
    assert name == "cli" or not calls, f"{name}:{calls[0].lineno} prints"


@pytest.mark.parametrize("name", INSIDE)
def test_whoever_catches_everything_raises_again(name: str) -> None:
    """But the command line, which turns the unforeseen into exit code 70."""
    for node in ast.walk(tree(INSIDE[name])):
        if isinstance(node, ast.ExceptHandler) and name != "cli":
            caught = {ast.unparse(t) for t in getattr(node.type, "elts", [node.type]) if t is not None}
            if node.type is None or caught & {"Exception", "BaseException"}:
                assert isinstance(node.body[-1], ast.Raise), f"{name}:{node.lineno} catches everything and goes on"


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def comment_lines(path: Path) -> set[int]:
    source = path.read_text(encoding="utf-8")
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0] for t in tokens if t.type == tokenize.COMMENT and t.line.lstrip().startswith("#")}


def docstring_lines(path: Path) -> set[int]:
    found: set[int] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Module | ast.ClassDef | Function) and ast.get_docstring(node, clean=False) is not None:
            found |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return found


def signature_lines(path: Path) -> set[int]:
    return {line for node in functions(path) for line in range(node.lineno, node.body[0].lineno)}


@pytest.mark.parametrize("name", INSIDE)
def test_functions_and_files_stay_short(name: str) -> None:
    path = INSIDE[name]
    left_out = comment_lines(path) | docstring_lines(path)
    for node in functions(path):
        body = set(range(node.body[0].lineno, (node.end_lineno or 0) + 1)) - left_out
        assert len(body) <= MAX_BODY_LINES, f"{name}:{node.lineno} {node.name} has a body of {len(body)} lines"
    whole = set(range(1, len(path.read_text(encoding="utf-8").splitlines()) + 1))
    lines = len(whole - left_out - signature_lines(path))
    assert lines <= MAX_FILE_LINES, f"{name} has {lines} lines"


@pytest.mark.parametrize("name", INSIDE)
def test_few_positional_arguments(name: str) -> None:
    for node in functions(INSIDE[name]):
        command = name == "cli" and node.decorator_list  # commands only build a job
        positional = [a for a in [*node.args.posonlyargs, *node.args.args] if a.arg not in {"self", "cls"}]
        where = f"{name}:{node.lineno} {node.name}"
        assert command or len(positional) <= MAX_POSITIONAL, f"{where} takes {len(positional)} positional arguments"
        in_all = len(positional) + len(node.args.kwonlyargs)
        assert command or in_all <= MAX_ARGUMENTS, f"{where} takes {in_all} arguments and wants an options object"


#: Modules that Windows does not have; whoever imports one says in an ``except ImportError`` what happens there.
POSIX = {"fcntl", "grp", "pty", "pwd", "resource", "termios"}
TEXT_CALLS = {"read_text", "write_text", "open"}


def _mode(call: ast.Call) -> str:
    """How a method of a path opens its file: ``r``, ``w``, ``rb`` …; empty where this opens no file."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr in TEXT_CALLS):
        return ""
    if call.func.attr != "open":
        return call.func.attr[0]
    first = call.args[0] if call.args else ast.Constant("r")
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


@pytest.mark.parametrize("name", INSIDE)
def test_text_has_an_encoding_and_its_own_line_ends(name: str) -> None:
    """Else it is GBK on a Chinese Windows, and what is written differs from system to system."""
    for node in ast.walk(tree(INSIDE[name])):
        mode = _mode(node) if isinstance(node, ast.Call) else ""
        if mode and "b" not in mode:
            said = {key.arg for key in node.keywords}  # type: ignore[attr-defined]
            assert "encoding" in said, f"{name}:{node.lineno} opens text without encoding"
            assert mode == "r" or "newline" in said, f"{name}:{node.lineno} writes text without newline"


@pytest.mark.parametrize("name", INSIDE)
def test_what_windows_lacks_is_asked_for_carefully(name: str) -> None:
    tries = [node for node in ast.walk(tree(INSIDE[name])) if isinstance(node, ast.Try)
             and any("ImportError" in ast.unparse(one) for one in node.handlers)]  # fmt: skip
    careful = {id(part) for node in tries for line in node.body for part in ast.walk(line)}
    for node in ast.walk(tree(INSIDE[name])):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert id(node) in careful or not POSIX & set(names), f"{name}:{node.lineno} {names}"


def test_no_file_names_the_workplace() -> None:
    try:
        listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                cwd=REPOSITORY, capture_output=True, check=True)  # fmt: skip
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    workplace = [r"(?<![\w.])/wor" + "k/", r"\bfar" + "m-[a-z]"]  # in two halves, so that this file does not name it
    registries = ["py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.org"]
    pattern = re.compile("|".join(workplace + registries).encode())
    paths = [REPOSITORY / name.decode() for name in listed.stdout.split(b"\0") if name]
    assert paths
    named = [f"{p.relative_to(REPOSITORY)}: {m[0]!r}" for p in paths if p.is_file()
             for m in [pattern.search(p.read_bytes())] if m]  # fmt: skip
    assert not named


def test_the_drawn_floors_are_the_houses() -> None:
    """Every room is drawn once, and imports only from its own floor and from those below."""
    floors = tomllib.loads((REPOSITORY / "docs" / "house.toml").read_text(encoding="utf-8"))["floors"]
    drawn = [room for floor in floors for room in floor["rooms"]]
    rooms = {name.partition(".")[0] for name in INSIDE}
    assert sorted(drawn) == sorted(rooms)
    floor_of = {room: number for number, floor in enumerate(floors) for room in floor["rooms"]}
    for name, path in INSIDE.items():
        room = name.partition(".")[0]
        above = [other for other in imports(name, path) if floor_of.get(other.partition(".")[0], 0) > floor_of[room]]
        assert above == [], name


def test_the_pages_of_the_house_have_the_floors_that_are_drawn() -> None:
    floors = tomllib.loads((REPOSITORY / "docs" / "house.toml").read_text(encoding="utf-8"))["floors"]
    for language, name in enumerate(("architecture.md", "en/architecture.md")):
        page = (REPOSITORY / "docs" / name).read_text(encoding="utf-8")
        for floor in floors:
            assert f"| {floor['name'][language]} | {' '.join(f'`{room}`' for room in floor['rooms'])} |" in page


def home(name: str) -> Path:
    """The file of the tests of a module."""
    *rooms, last = name.split(".")
    return REPOSITORY.joinpath("tests", *rooms, f"test_{last}.py")


@pytest.mark.parametrize("name", [name for name, path in INSIDE.items() if path.name != "__init__.py"])
def test_every_module_has_its_tests(name: str) -> None:
    assert home(name).is_file(), f"{name} has no {home(name).relative_to(REPOSITORY)}"
    tests = [node.name for node in ast.walk(tree(home(name))) if isinstance(node, Function)]
    assert any(test.startswith("test_") for test in tests), f"{home(name).relative_to(REPOSITORY)} is empty"


def test_every_test_file_is_about_a_module_or_the_whole() -> None:
    tests = REPOSITORY / "tests"
    homes = {home(name) for name, path in INSIDE.items() if path.name != "__init__.py"}
    whole = {tests / name for name in WHOLE}
    assert [path.name for path in sorted(whole) if not path.exists()] == []
    assert [path.name for path in sorted(whole & homes)] == []
    strays = [path.relative_to(tests) for path in sorted(tests.rglob("test_*.py"))
              if path not in homes and not whole & {path, *path.parents}]  # fmt: skip
    assert [str(path) for path in strays] == []


def test_test_files_that_pages_name_are_there() -> None:
    named = {
        (page, name) for page in pages() for name in re.findall(r"tests/[\w/]+\.py", page.read_text(encoding="utf-8"))
    }
    placeholders = {"tests/a/test_b.py", "tests/test_b.py"}
    missing = [
        (page.name, name) for page, name in named if name not in placeholders and not (REPOSITORY / name).exists()
    ]
    assert sorted(missing) == []
