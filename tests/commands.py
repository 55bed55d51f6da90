"""The command line in tests: ``main`` in this process (quick), or ``python -m controllines`` (as users have it)."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from controllines import cli


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit code and what it said."""

    code: int
    out: str
    err: str


def call(*arguments: object, cwd: Path, env: dict[str, str] | None = None) -> Done:
    """Call ``main`` with these arguments, in this folder, with no other variables of ours than ``env``."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
    with chdir(cwd), _arguments(arguments, env or {}), redirect_stdout(out), redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Done(code, _said(out), _said(err))


def command(*arguments: object, cwd: Path, env: dict[str, str] | None = None) -> Done:
    """Start a process of its own."""
    words = [sys.executable, "-m", "controllines", *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, cwd=cwd, env=_clean() | (env or {}), timeout=120, check=False)
    out, err = (text.decode().replace(os.linesep, "\n") for text in (done.stdout, done.stderr))
    return Done(done.returncode, out, err)


def _clean() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("CONTROLLINES_")}


@contextmanager
def _arguments(arguments: tuple[object, ...], env: dict[str, str]) -> Iterator[None]:
    words = ["controllines", *map(str, arguments)]
    # ``python -m controllines`` shows warnings, it does not stop at them
    with (
        mock.patch.object(sys, "argv", words),
        mock.patch.dict(os.environ, _clean() | env, clear=True),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("default")
        yield


def _said(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()  # type: ignore[attr-defined]
