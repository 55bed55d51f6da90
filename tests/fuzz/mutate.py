"""Mutation fuzzer of the reading border: damaged files must end as a result or as a coded error, within limits.

``python tests/fuzz/mutate.py --count 100000 --seed 1`` (``make fuzz``). Mutant ``n`` of a seed is always the same file;
what fails is kept in the folder ``--keep`` together with its traceback. The readers run in a child process of the
fuzzer, so that a crash or a hang costs one mutant.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import selectors
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import mutations
import seeds

SECONDS = 60.0
RSS_KIB = 1_000_000_000 // 1024
FORMATS = tuple(seeds.SUFFIX)


def mutant(number: int, seed: int, originals: dict[str, bytes]) -> tuple[str, bytes]:
    """Return format and bytes of one mutant."""
    name = FORMATS[number % len(FORMATS)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile tells of the double names that are meant
        return name, mutations.mutate(originals[name], Random(f"{seed}:{number}"), mutations.OF_FORMAT[name])


# --- the child: reads ------------------------------------------------------------------------------------------


class TooLateError(BaseException):
    """Past every ``except`` of the product."""


def _late(*_: object) -> None:
    raise TooLateError


def _coded(problem: Any) -> str:
    """Return the code of an error; it must be one of the catalogue, with a message."""
    from controllines.findings import catalogue

    assert problem.code in catalogue()
    assert problem.severity == "error"
    assert problem.message
    return str(problem.code)


def outcome(path: Path) -> tuple[str, str]:
    """Read one file as an application; return (``result`` or ``error``, code), or let the exception out."""
    from controllines.errors import ControlLinesError
    from controllines.parcels import read_parcels

    # Tables of corner points cannot name their CRS.
    crs = "EPSG:4526" if path.suffix in (".csv", ".xlsx") else None
    try:
        layer = read_parcels(path, crs=crs)
    except ControlLinesError as error:
        return "error", _coded(error.finding)
    if not layer.origins[0].driver:  # the file as a whole: one excluded row
        assert layer.frame["status"].tolist() == ["excluded"]
        return "error", _coded(layer.findings[0])
    status = layer.frame["status"]
    assert len(status) == sum(origin.features_in for origin in layer.origins)
    assert (status == "excluded").sum() == sum(origin.excluded for origin in layer.origins)
    assert status.isin(["ok", "repaired", "excluded"]).all()
    if (status == "excluded").all():
        return "result", "all excluded"
    return "result", "some excluded" if (status == "excluded").any() else "read"


def _worker_rss() -> int:
    from controllines.io.border import WORKER

    try:
        text = Path(f"/proc/{WORKER.pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    peak = re.search(r"VmHWM:\s*(\d+)", text)
    return int(peak[1]) if peak else 0


def serve(start: int, stop: int, *, step: int, seed: int, keep: Path) -> None:
    """Read the mutants one after the other; tell the parent of each in one line of JSON."""
    warnings.simplefilter("error")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is seen, but not between the answers
    signal.signal(signal.SIGALRM, _late)
    originals = seeds.make()
    with answers, tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for number in range(start, stop, step):
            name, data = mutant(number, seed, originals)
            path = Path(folder) / f"m{seeds.SUFFIX[name]}"
            path.write_bytes(data)
            began = time.perf_counter()
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            trace = ""
            try:
                kind, code = outcome(path)
            except TooLateError:
                kind, code = "hang", "> 60 s"
            except Exception as problem:  # noqa: BLE001 - every one of them is what is looked for
                kind, code, trace = "failure", _place(problem), traceback.format_exc()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            told = {
                "n": number, "format": name, "kind": kind, "code": code, "seconds": time.perf_counter() - began,
                "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "worker_rss": _worker_rss(),
            }  # fmt: skip
            if kind in ("failure", "hang"):
                _keep(keep, number, name, data, why=f"{code}\n{trace}")
            answers.write(json.dumps(told) + "\n")
            answers.flush()


def _place(problem: Exception) -> str:
    """Name an exception by its type and the last line of the project it came from."""
    frames = traceback.extract_tb(problem.__traceback__)
    own = [frame for frame in frames if "controllines" in frame.filename] or frames
    return f"{type(problem).__name__} {Path(own[-1].filename).name}:{own[-1].lineno} {str(problem)[:100]}"


def _keep(keep: Path, number: int, name: str, data: bytes, *, why: str) -> None:
    keep.mkdir(parents=True, exist_ok=True)
    (keep / f"{number}{seeds.SUFFIX[name]}").write_bytes(data)
    (keep / f"{number}.why").write_text(why, encoding="utf-8")


# --- the parent: counts ----------------------------------------------------------------------------------------


@dataclass
class Figures:
    """What the run has shown."""

    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    slowest: tuple[float, int, str] = (0.0, -1, "")
    rss: int = 0
    worker_rss: int = 0

    def add(self, told: dict[str, Any]) -> None:
        self.outcomes[told["format"], told["kind"], told["code"]] += 1
        self.slowest = max(self.slowest, (told["seconds"], told["n"], told["format"]))
        self.rss, self.worker_rss = max(self.rss, told["rss"]), max(self.worker_rss, told["worker_rss"])

    def bad(self) -> int:
        wrong = sum(n for (_, kind, _), n in self.outcomes.items() if kind not in ("result", "error"))
        return wrong + (max(self.rss, self.worker_rss) > RSS_KIB)

    def text(self, seconds: float) -> str:
        total = sum(self.outcomes.values())
        lines = [f"{total} mutants in {seconds:.0f} s ({seconds / max(total, 1) * 1000:.1f} ms each)"]
        for name in FORMATS:
            kinds: Counter[str] = Counter()
            for (form, kind, _), n in self.outcomes.items():
                kinds[kind] += n if form == name else 0
            lines.append(f"  {name:8}" + " ".join(f"{kind} {n}" for kind, n in sorted(kinds.items())))
        codes: Counter[str] = Counter()
        for (_, kind, code), n in self.outcomes.items():
            codes[f"{kind}: {code}"] += n
        lines += [f"    {n:7} {code}" for code, n in codes.most_common()]
        lines.append(f"  slowest {self.slowest[0]:.2f} s (mutant {self.slowest[1]}, {self.slowest[2]})")
        lines.append(f"  peak RSS {self.rss / 1024:.0f} MiB, worker {self.worker_rss / 1024:.0f} MiB")
        return "\n".join(lines)


class Lane:
    """A child and the mutants that are its turn: every ``step``-th one."""

    def __init__(self, first: int, args: argparse.Namespace) -> None:
        self.next, self.args = first, args
        self.child: subprocess.Popen[bytes] | None = None
        self.since = time.monotonic()
        self.start()

    def start(self) -> None:
        a = self.args
        self.child = None if self.next >= a.count else subprocess.Popen(
            [sys.executable, __file__, "--serve", "--count", str(a.count), "--seed", str(a.seed), "--keep", str(a.keep),
             "--jobs", str(a.jobs), "--start", str(self.next)], stdout=subprocess.PIPE,
        )  # fmt: skip
        self.since = time.monotonic()

    def lost(self, figures: Figures, originals: dict[str, bytes], why: str) -> None:
        """Count the mutant that the child did not survive, and go on behind it."""
        name, data = mutant(self.next, self.args.seed, originals)
        _keep(self.args.keep, self.next, name, data, why=why)
        told = {"n": self.next, "format": name, "kind": why, "code": f"mutant {self.next}", "rss": 0, "worker_rss": 0}
        figures.add(told | {"seconds": time.monotonic() - self.since})
        self.next += self.args.jobs
        self.start()


def run(args: argparse.Namespace) -> Figures:
    """Run all mutants."""
    figures, originals = Figures(), seeds.make()
    began, shown = time.monotonic(), 0
    with selectors.DefaultSelector() as selector:
        for first in range(args.start, min(args.start + args.jobs, args.count)):
            _watch(selector, Lane(first, args))
        while selector.get_map():
            for key, _ in selector.select(5.0):
                lane: Lane = key.data
                line = lane.child.stdout.readline()  # type: ignore[union-attr]
                if line.endswith(b"\n"):
                    figures.add(json.loads(line))
                    lane.next, lane.since = lane.next + args.jobs, time.monotonic()
                else:
                    selector.unregister(key.fileobj)
                    _ended(lane, selector, figures, originals)
            for key in list(selector.get_map().values()):
                if time.monotonic() - key.data.since > SECONDS + 30:  # stuck where no signal reaches Python
                    key.data.child.kill()
            done = sum(figures.outcomes.values())
            if args.verbose and done >= shown + 5000:
                shown = done
                sys.stderr.write(figures.text(time.monotonic() - began) + "\n")
                sys.stderr.flush()
    return figures


def _watch(selector: selectors.BaseSelector, lane: Lane) -> None:
    if lane.child is not None:
        selector.register(lane.child.stdout, selectors.EVENT_READ, lane)  # type: ignore[arg-type]


def _ended(lane: Lane, selector: selectors.BaseSelector, figures: Figures, originals: dict[str, bytes]) -> None:
    """Look why a child ended: it had no more mutants, or the next one was too much for it."""
    code = lane.child.wait()  # type: ignore[union-attr]
    if lane.next < lane.args.count:
        lane.lost(figures, originals, f"crash {code}")
        _watch(selector, lane)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "--start", type=int, default=0, help="number of the first mutant; --count is the number behind the last"
    )
    args = parser.parse_args()
    if args.serve:
        serve(args.start, args.count, step=args.jobs, seed=args.seed, keep=args.keep)
        return 0
    began = time.monotonic()
    figures = run(args)
    sys.stdout.write(figures.text(time.monotonic() - began) + "\n")
    return 1 if figures.bad() else 0


if __name__ == "__main__":
    sys.exit(main())
