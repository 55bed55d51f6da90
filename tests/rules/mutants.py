"""Mutation run over the rules (变异测试): small faults are put into the code, and the tests must notice each of them.

    python tests/rules/mutants.py [--count 300] [--seed 1] [--module judge]

Every mutant is one change of one operator, constant or condition. It runs in a process of its own, forked after the
heavy libraries are imported; the source on disk is never touched. Prints the survivors and the score.
"""

from __future__ import annotations

import argparse
import ast
import importlib.machinery
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import CodeType

REPOSITORY = Path(__file__).resolve().parents[2]
ROOM = REPOSITORY / "src" / "controllines" / "rules"
SECONDS = 300
_SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitOr: ast.BitAnd,
}  # fmt: skip


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield each way to spoil one node: what was done, and the node to put in its place."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPS:
        other = deepcopy(node)
        other.ops[0] = _SWAPS[type(node.ops[0])]()
        yield "comparison", other
    elif isinstance(node, ast.BoolOp | ast.BinOp) and type(node.op) in _SWAPS:
        other = deepcopy(node)
        other.op = _SWAPS[type(node.op)]()
        yield "operator", other
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not removed", node.operand
    elif isinstance(node, ast.IfExp | ast.If):
        other = deepcopy(node)
        other.test = ast.UnaryOp(ast.Not(), node.test)
        yield "condition negated", other
    elif isinstance(node, ast.comprehension) and node.ifs:
        other = deepcopy(node)
        other.ifs = []
        yield "filter removed", other
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        value = not node.value if isinstance(node.value, bool) else node.value + 1
        yield f"{node.value} → {value}", ast.Constant(value)
    elif isinstance(node, ast.Return) and node.value is not None:
        yield "returns None", ast.Return(ast.Constant(None))


def mutants(path: Path) -> Iterator[tuple[int, str, ast.Module]]:
    """Yield line, what was done, and the spoiled module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # a class that can be changed, or refuses nothing, says the same: no test could tell
    quiet = {id(word.value) for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords
             if word.arg in ("frozen", "exclude_none", "ensure_ascii")}  # fmt: skip
    annotations = quiet | {id(inner) for node in ast.walk(tree) for field in ("annotation", "returns")
                   if getattr(node, field, None) for inner in ast.walk(getattr(node, field))}  # fmt: skip
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            slots = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
            for index, node in slots:
                if not isinstance(node, ast.AST) or id(node) in annotations:
                    continue
                for what, other in changes(node):
                    _put(parent, field, index, other)
                    ast.copy_location(other, node)
                    yield getattr(node, "lineno", getattr(parent, "lineno", 0)), what, ast.fix_missing_locations(tree)
                    _put(parent, field, index, node)


def _put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def survives(path: Path, code: CodeType) -> bool:
    """Run the tests of the rules in a child that imports the spoiled module; True if none fails."""
    child = os.fork()
    if not child:
        os._exit(_tests(path, code))
    limit = time.monotonic() + SECONDS
    while time.monotonic() < limit:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _tests(path: Path, code: CodeType) -> int:
    import hypothesis
    import pytest

    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    loader = importlib.machinery.SourceFileLoader
    get_code = loader.get_code
    loader.get_code = lambda self, name: code if Path(self.path) == path else get_code(self, name)  # type: ignore[method-assign]
    settings = hypothesis.settings
    load = settings.load_profile
    settings.register_profile("mutants", deadline=None, max_examples=15, database=None, derandomize=True)
    # the class refuses assignment, and tests/conftest.py loads a profile of more examples
    type.__setattr__(settings, "load_profile", staticmethod(lambda _: load("mutants")))
    files = [str(path) for path in sorted((REPOSITORY / "tests" / "rules").glob("test_*.py"))]
    quiet = ("-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore::pytest.PytestAssertRewriteWarning")
    return int(pytest.main([*quiet, *files]))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=300)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--module", default="*")
    chosen = options.parse_args()
    sys.path[:0] = [str(REPOSITORY / "src"), str(REPOSITORY)]
    os.chdir(REPOSITORY)
    import geopandas  # noqa: F401  what every child needs is imported once
    import hypothesis  # noqa: F401
    import pydantic  # noqa: F401
    import pytest  # noqa: F401

    every = [(path, line, what, compile(tree, str(path), "exec")) for path in sorted(ROOM.glob(f"{chosen.module}.py"))
             for line, what, tree in mutants(path)]  # fmt: skip
    sample = random.Random(chosen.seed).sample(every, min(chosen.count, len(every)))
    path, _, _, _ = every[0]
    if not survives(path, compile(path.read_text(encoding="utf-8"), str(path), "exec")):
        _say("the tests fail without any mutant")
        return 1
    alive = 0
    for number, (path, line, what, code) in enumerate(sample, start=1):
        if survives(path, code):
            alive += 1
            _say(f"{path.name}:{line}: {what}")
        if number % 25 == 0:
            _say(f"  {number} of {len(sample)}, {number - alive} noticed")
    score = (len(sample) - alive) / max(len(sample), 1)
    _say(f"{len(every)} mutants, {len(sample)} tried, {len(sample) - alive} noticed: {score:.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
