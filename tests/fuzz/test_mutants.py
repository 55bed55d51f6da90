"""A sample of the mutation fuzzer; ``make fuzz`` runs as many as one likes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="the fuzzer limits memory as POSIX does")
FUZZER = Path(__file__).with_name("mutate.py")


def _run(keep: Path, *options: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FUZZER), "--keep", str(keep), *options]
    first = [] if path is None else [str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*first, os.environ.get("PYTHONPATH", "")])}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)


def test_two_thousand_mutants_end_as_result_or_coded_error(tmp_path: Path) -> None:
    done = _run(tmp_path / "kept", "--count", "2000", "--seed", "2026", "--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("2000 mutants (")
    assert not (tmp_path / "kept").exists()
    for name in ("txt", "shp", "gpkg", "geojson", "kml", "csv", "xlsx", "parquet"):
        (line,) = [line for line in done.stdout.splitlines() if line.split()[0] == name]
        # Each format must reach both ends, else the damage is too small or too great to say anything.
        assert "error" in line
        assert "result" in line


def test_a_mutant_is_the_same_file_every_time_and_in_any_order(tmp_path: Path) -> None:
    program = (
        f"import sys, hashlib; sys.path.insert(0, {str(FUZZER.parent)!r}); import mutate, seeds; o = seeds.make(); "
        "made = {n: mutate.mutant(n, 7, o) for n in eval(sys.argv[1])}; "
        "print(hashlib.sha256(repr([made[n] for n in sorted(made)]).encode()).hexdigest())"
    )
    out = {
        subprocess.run([sys.executable, "-c", program, order], capture_output=True, text=True, check=True).stdout
        for order in ("range(300)", "reversed(range(300))")
    }
    assert len(out) == 1


def test_an_interrupted_run_goes_on_and_counts_distinct_mutants(tmp_path: Path) -> None:
    journal, record = tmp_path / "j", tmp_path / "r.json"
    options = ("--seed", "5", "--jobs", "1", "--journal", str(journal), "--record", str(record))
    _run(tmp_path / "kept", "--count", "12", *options)
    told = journal.read_text(encoding="utf-8").splitlines()
    journal.write_text("\n".join(told + told[1:3]) + "\n", encoding="utf-8")  # two that were read twice
    done = _run(tmp_path / "kept", "--count", "20", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(record.read_text(encoding="utf-8"))
    assert figures["distinct"] == sum(figures["outcomes"].values()) == 20
    assert figures["read"] >= 22
    assert [stretch["after"] for stretch in figures["stretches"]] == [0, figures["stretches"][1]["after"]]
    numbers = [json.loads(line)["n"] for line in journal.read_text(encoding="utf-8").splitlines() if '"n"' in line]
    assert set(numbers) == set(range(max(numbers) + 1)), "no number is left out"


def test_a_failure_is_found_and_kept(tmp_path: Path) -> None:
    # A reader with a fault put in: the fuzzer must notice, or it could not fail at all.
    (tmp_path / "sitecustomize.py").write_text(
        "import controllines.parcels as p\n"
        "def broken(*a, **k): raise ZeroDivisionError('on purpose')\n"
        "p.read_parcels = broken\n",
        encoding="utf-8",
    )
    program = (
        f"import sys; sys.path[:0] = [{str(FUZZER.parent)!r}]; import sitecustomize, mutate; "
        "from pathlib import Path; mutate.serve(1, Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "kept")], capture_output=True, text=True, check=True,
        input="0\n1\n2\n", env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stdout.count('"failure"') == 3
    assert len(list((tmp_path / "kept").glob("*.why"))) == 3
    assert "ZeroDivisionError: on purpose" in (tmp_path / "kept/0.why").read_text(encoding="utf-8")


def test_a_child_that_dies_costs_its_mutant_only(tmp_path: Path) -> None:
    # The third file that a child reads ends it, as a crash of a library would.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if '--serve' in sys.argv:\n"
        "    import controllines.parcels as p\n"
        "    read, calls = p.read_parcels, []\n"
        "    def broken(*a, **k):\n"
        "        calls.append(a)\n"
        "        return os.abort() if len(calls) == 3 else read(*a, **k)\n"
        "    p.read_parcels = broken\n",
        encoding="utf-8",
    )
    journal = tmp_path / "j"
    done = _run(tmp_path / "kept", "--count", "8", "--jobs", "1", "--journal", str(journal), path=tmp_path)
    assert done.returncode == 1
    told = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()[1:]]
    assert [(item["n"], item["kind"].startswith("crash")) for item in told] == [(n, n in (2, 5)) for n in range(8)]
    assert sorted(file.stem for file in (tmp_path / "kept").glob("*.why")) == ["2", "5"]
