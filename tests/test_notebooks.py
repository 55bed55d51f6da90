"""Notebooks: the .ipynb is in step with its .py, runs from top to bottom, and keeps nobody's paths."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
SCRIPTS = sorted(NOTEBOOKS.glob("*.py"))


def test_there_are_notebooks() -> None:
    assert [path.stem for path in SCRIPTS] == [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    assert "01_first_check" in [path.stem for path in SCRIPTS]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_notebook_is_in_step_with_its_script(script: Path) -> None:
    jupytext = pytest.importorskip("jupytext")
    cells = [
        [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]
        for path in (script, script.with_suffix(".ipynb"))
    ]
    assert cells[0] == cells[1]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_notebook_keeps_no_paths_of_its_author(script: Path) -> None:
    text = script.with_suffix(".ipynb").read_text(encoding="utf-8") + script.read_text(encoding="utf-8")
    for telling in (str(NOTEBOOKS.parent), str(Path.home()) + "/", "/tmp/", "Traceback"):
        assert telling not in text


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_notebook_runs_from_any_folder_inside_the_repository(script: Path, tmp_path: Path) -> None:
    """The data are found from the repository; the working folder of Jupyter is that of the notebook."""
    env = os.environ | {"IPYTHONDIR": str(tmp_path / "ipython"), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "--nbmake", "-q", "-p", "no:cacheprovider", "-o", "addopts=",
               "-o", "filterwarnings=", "-W", "ignore", str(script.with_suffix(".ipynb"))]  # fmt: skip
    pytest.importorskip("nbmake")
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=NOTEBOOKS.parent, env=env, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if "write_report(" in script.read_text(encoding="utf-8"):
        (out,) = tmp_path.glob("*/核对结果")
        assert (out / "result.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script_runs_by_itself(script: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], capture_output=True, text=True, cwd=NOTEBOOKS,
        env=os.environ | {"TMPDIR": str(tmp_path)}, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "个地块已核对" in done.stdout or "write_report(" not in script.read_text(encoding="utf-8")
