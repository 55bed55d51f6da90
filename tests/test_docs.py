"""Documentation: no link is broken, no command or call that does not exist; the shortest page of each user is run."""

from __future__ import annotations

import ast
import json
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import pytest
import shapely
from typer.main import get_command

import controllines as cl
from controllines.cli import _spread, app
from tests.commands import call
from tests.pages import DOCS, GENERATED, REPOSITORY, Block, anchors, blocks, links, outline, pages

PAGES = pages()
BLOCKS = [block for page in PAGES for block in blocks(page)]
#: Chinese page → its English counterpart, which has the same blocks.
PAIRS: dict[str, str] = tomllib.loads((DOCS / "pairs.toml").read_text(encoding="utf-8"))
#: Pages that can be followed from top to bottom on the demo county.
TOLD = [page for page in PAIRS if page.startswith(("start/", "tutorials/", "concepts/"))]
#: Run by default; the others are slow tests.
QUICK = ("tutorials/figures.md", "concepts/plane.md")


def name(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """References between pages and into docstrings; `make docs` runs the notebooks besides."""
    pytest.importorskip("myst_nb")
    pytest.importorskip("furo")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-D", "nb_execution_mode=off", DOCS, tmp_path],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for page in ("index.html", "en/index.html", "reference/cli.html", "findings.html"):
        assert (tmp_path / page).is_file()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        if other.parent in GENERATED:
            assert _is_generated(other), f"{target}: no such page is generated"
            continue
        assert other.exists(), f"{target}: no such file"
        assert not anchor or anchor in anchors(other), f"{target}: no such heading, there are {anchors(other)}"


def test_pages_that_the_program_names_exist() -> None:
    """Findings, errors and comments say ``docs/….md``."""
    for path in (REPOSITORY / "src").rglob("*"):
        if path.suffix in {".py", ".toml", ".j2"} and "vendor" not in path.parts:
            for named in re.findall(r"docs/[\w./-]+?\.md", path.read_text(encoding="utf-8")):
                assert (REPOSITORY / named).is_file(), f"{path}: {named}"


@cache
def reference() -> Any:
    """What makes the pages of the reference."""
    return SimpleNamespace(**runpy.run_path(str(DOCS / "make_pages.py")))


def _is_generated(page: Path) -> bool:
    if page.parent.name == "notebooks":
        return (REPOSITORY / "notebooks" / page.name).exists()
    return page.stem in reference().PAGES


def test_every_page_has_its_counterpart() -> None:
    written = {page.relative_to(DOCS).as_posix() for page in PAGES if page.is_relative_to(DOCS)}
    assert written == {*PAIRS, *PAIRS.values()}


def test_the_reference_explains_everything_in_both_languages() -> None:
    """Every option, project fact and key of result.json has its words, and no words are left over."""
    made = reference()
    said = {name: made.words()[name] for name in ("options", "meaning", "questions")}
    assert said["questions"].keys() == made.data("facts.toml")["facts"].keys()
    options = {_said(made.option_keys(command, given), said["options"])
               for command, known in made.commands() for given in known.params}  # fmt: skip
    assert options == said["options"].keys()
    schema = made.schema()
    keys = [key for of, one in {"": schema, **schema["$defs"]}.items() for key in _keys(of, one)]
    meaning = {_said(made.meaning_keys(of, name), said["meaning"]): one for of, name, one in keys}
    assert meaning.keys() == said["meaning"].keys()
    assert [key for key, one in meaning.items() if not all(said["meaning"][key]) and "description" not in one] == []


def _said(keys: tuple[str, str], words: dict[str, Any]) -> str | tuple[str, str]:
    """Return the key under which words are found; both where there are none."""
    return next((key for key in keys if key in words), keys)


def _keys(of: str, one: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, inner in one.get("properties", {}).items():
        yield of, name, inner
        yield from _keys(f"{of}.{name}".strip("."), inner.get("items", inner))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_and_blocks_are_sound(page: Path) -> None:
    for block in (block for block in BLOCKS if block.page == page):
        for words in block.commands:
            _parsed(words)
        if block.language == "toml":
            tomllib.loads(block.text)
        if block.language in {"python", "py"}:
            for node in ast.walk(ast.parse(block.text)):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "cl":
                    assert node.attr in cl.__all__, f"cl.{node.attr} does not exist"


def _parsed(words: list[str]) -> None:
    """Parse a command without calling it; unknown commands and options raise."""
    group: Any = get_command(app)
    words = [word for word in _spread(words) if not word.startswith(("[", "…"))]
    while hasattr(group, "commands") and not words[0].startswith("-"):
        group = group.commands[words.pop(0)]
    if "…" not in words:
        known = {option for given in group.params for option in given.opts} | {"--help"}
        assert [word for word in words if word.startswith("--") and word not in known] == [], words


@pytest.mark.parametrize(("chinese", "english"), PAIRS.items())
def test_both_languages_run_the_same(chinese: str, english: str) -> None:
    ours, theirs = ([one for one in blocks(DOCS / page) if one.language != "toctree"] for page in (chinese, english))
    assert [block.language for block in ours] == [block.language for block in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.commands == other.commands
        assert one.file == other.file
        if one.language == "toml":
            assert tomllib.loads(one.text) == tomllib.loads(other.text)
        if one.language == "python":
            assert _calls(one) == _calls(other)


@pytest.mark.parametrize(("chinese", "english"), PAIRS.items())
def test_both_languages_have_the_same_headings_and_rows(chinese: str, english: str) -> None:
    assert outline(DOCS / chinese) == outline(DOCS / english)


def _calls(block: Block) -> str:
    """Return a block as a tree without its texts, which may be in the reader's language."""
    tree = ast.parse(block.text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give a working folder in which the demo county has been made."""
    shutil.copytree(REPOSITORY / "data" / "demo", tmp_path / "演示")
    return tmp_path


def run(block: Block, folder: Path, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    if block.file:
        (folder / block.file).write_text(block.content, encoding="utf-8")
    for words in block.commands if block.language == "sh" else []:
        if words[0] != "demo":  # the county is there
            done = call(*words, cwd=folder)
            assert done.code == 0, (words, done)
    if block.language == "python":
        monkeypatch.chdir(folder)
        exec(compile(block.text, name(block.page), "exec"), names)


@pytest.mark.parametrize(
    "page", [page if page in QUICK else pytest.param(page, marks=pytest.mark.slow) for page in TOLD]
)
def test_a_page_does_what_it_says(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(DOCS / page):
        run(block, folder, names, monkeypatch)


def test_the_drawings_of_the_house_are_up_to_date() -> None:
    for name, drawing in runpy.run_path(str(DOCS / "make_house.py"))["pictures"]().items():
        assert (DOCS / "pictures" / name).read_text(encoding="utf-8") == drawing, "python docs/make_house.py"


def test_the_comparison_says_what_the_programs_say() -> None:
    """The two pages of comparison against a run of ours and of geopandas."""
    compare: Any = SimpleNamespace(**runpy.run_path(str(DOCS / "compare.py")))
    frames = compare.example()
    plain, dissolved = (compare.by_geopandas(frames, dissolve=way, area=compare.planar) for way in (False, True))
    official = compare.by_geopandas(frames, dissolve=True, area=cl.official_area)
    mine = compare.ours(frames)
    moved = gpd.GeoSeries([shapely.Point(88.5, 42.8)], crs=4610).to_crs(4490)
    assert moved.iloc[0].coords[0] == (88.5, 42.8)  # Xi'an 80 passes as it is
    assert list(mine["outcome"]) == ["conflict", "conflict", "no_data"]
    assert "sub_resolution" in mine.loc["B", "flags"]
    assert "C" not in plain.index
    said = {"controllines": (mine.loc["A", "area_m2"], mine.loc["A", "conflict_m2"]), "overlay": (1e6, plain["A"]),
            "dissolve": (1e6, dissolved["A"]), "official_area": (mine.loc["A", "area_m2"], official["A"])}  # fmt: skip
    for page in ("comparison.md", "en/comparison.md"):
        rows = (DOCS / page).read_text(encoding="utf-8").splitlines()
        for program, figures in said.items():
            printed = " | ".join(f"{value:,.2f}".replace(",", "\u00a0") for value in figures)
            assert any(program in row and printed in row for row in rows), (page, program, printed)


def test_the_pages_count_what_the_records_of_proofs_hold() -> None:
    records = [json.loads(path.read_text(encoding="utf-8")) for path in (DOCS / "proof").glob("overlay-*.json")]
    assert {record["outside"] for record in records} == {0}
    pairs = f"{sum(record['count'] for record in records):,}".replace(",", " ")
    for page in ("reliability.md", "en/reliability.md", "testing.md", "en/testing.md"):
        assert pairs in (DOCS / page).read_text(encoding="utf-8"), page


@pytest.mark.postgis
def test_the_comparison_says_what_postgis_says(postgis: Any) -> None:
    compare: Any = SimpleNamespace(**runpy.run_path(str(DOCS / "compare.py")))
    found, mine = compare.by_postgis(postgis, compare.example()), compare.ours(compare.example())
    assert found.loc["A", "inside_m2"] == pytest.approx(mine.loc["A", "conflict_m2"], abs=1e-3)
    assert found["geography_m2"].to_numpy() == pytest.approx(mine["area_m2"].to_numpy(), abs=1e-3)
    assert found.loc["C", "inside_m2"] == 0  # which is read as "no conflict"
    moved = "SELECT ST_AsText(ST_Transform('SRID=4610;POINT(88.5 42.8)'::geometry, 4490))"
    assert postgis.execute(moved).fetchone() == ("POINT(88.5 42.8)",)  # Xi'an 80 passes as it is
