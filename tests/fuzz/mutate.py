"""Mutation fuzzer of the reading border: damaged files must end as a result or as a coded error, within limits.

``python tests/fuzz/mutate.py --count 100000 --seed 1`` (``make fuzz``) reads 100 000 distinct mutants. Mutant ``n`` of
a seed is always the same file; what fails is kept in the folder ``--keep`` together with its traceback, as is what
ended GDAL's worker. The readers run in a child process of the fuzzer, so that a crash or a hang costs one mutant. With
``--journal`` an interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import mutations
import seeds

SECONDS = 60.0
RSS_KIB = 1_000_000_000 // 1024
#: Mutants given to a child at a time.
AHEAD = 8
FORMATS = tuple(seeds.SUFFIX)


def mutant(number: int, seed: int, originals: dict[str, bytes]) -> tuple[str, bytes]:
    """Return format and bytes of one mutant."""
    chance = Random(f"{seed}:{number}")
    name = chance.choice(FORMATS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile tells of the double names that are meant
        return name, mutations.mutate(originals[name], chance, mutations.OF_FORMAT[name])


def sha(name: str, data: bytes) -> str:
    """Tell mutants apart."""
    return hashlib.sha256(name.encode() + b"\0" + data).hexdigest()[:32]


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


def _peak_kb(pid: int | str | None) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    peak = re.search(r"VmHWM:\s*(\d+)", text)
    return int(peak[1]) if peak else 0


def serve(seed: int, keep: Path) -> None:
    """Read the mutants whose numbers come in, one after the other; tell the parent of each in one line of JSON."""
    from controllines.io.border import WORKER

    warnings.simplefilter("error")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is seen, but not between the answers
    signal.signal(signal.SIGALRM, _late)
    originals = seeds.make()
    with answers, tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for line in sys.stdin:
            number = int(line)
            name, data = mutant(number, seed, originals)
            path = Path(folder) / f"m{seeds.SUFFIX[name]}"
            path.write_bytes(data)
            began = time.perf_counter()
            kind, code, trace = _tried(path)
            told = {
                "n": number, "sha": sha(name, data), "format": name, "kind": kind, "code": code,
                "seconds": round(time.perf_counter() - began, 4), "worker_rss": _peak_kb(WORKER.pid),
                "rss": _peak_kb("self"),
            }  # fmt: skip
            if kind in ("failure", "hang"):
                _keep(keep, number, name, data, why=f"{code}\n{trace}")
            elif code == "READ_CRASHED":
                _keep(keep / "crashed", number, name, data, why=code)
            answers.write(json.dumps(told) + "\n")
            answers.flush()


def _tried(path: Path) -> tuple[str, str, str]:
    """Return kind, code and traceback of what became of a file."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        return *outcome(path), ""
    except TooLateError:
        return "hang", "> 60 s", ""
    except Exception as problem:  # noqa: BLE001 - every one of them is what is looked for
        return "failure", _place(problem), traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


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
    """What the run has shown: of every distinct mutant once."""

    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    read: int = 0
    seconds: float = 0.0
    slowest: tuple[float, int, str] = (0.0, -1, "")
    rss: int = 0
    worker_rss: int = 0

    def add(self, told: dict[str, Any]) -> None:
        self.read += 1
        self.seconds += told["seconds"]
        self.slowest = max(self.slowest, (told["seconds"], told["n"], told["format"]))
        self.rss, self.worker_rss = max(self.rss, told["rss"]), max(self.worker_rss, told["worker_rss"])
        if told["sha"] not in self.seen or told["kind"] not in ("result", "error"):
            self.outcomes[told["format"], told["kind"], told["code"]] += 1
        self.seen.add(told["sha"])

    def bad(self) -> int:
        wrong = sum(n for (_, kind, _), n in self.outcomes.items() if kind not in ("result", "error"))
        return wrong + (max(self.rss, self.worker_rss) > RSS_KIB)

    def _sums(self, place: int) -> dict[str, Counter[str]]:
        """Number of outcomes by kind, for each format (0) or code (2)."""
        sums: dict[str, Counter[str]] = {}
        for key, n in sorted(self.outcomes.items()):
            sums.setdefault(key[place], Counter())[key[1]] += n
        return sums

    def record(self) -> dict[str, Any]:
        kinds: Counter[str] = Counter()
        for (_, kind, _), n in self.outcomes.items():
            kinds[kind] += n
        return {
            "read": self.read, "distinct": len(self.seen), "outcomes": dict(sorted(kinds.items())),
            "bad": self.bad(), "formats": {name: dict(sums) for name, sums in self._sums(0).items()},
            "codes": {code: sum(sums.values()) for code, sums in self._sums(2).items()},
            "seconds": round(self.seconds), "peak_rss_mib": self.rss // 1024,
            "worker_peak_rss_mib": self.worker_rss // 1024,
            "slowest": dict(zip(("seconds", "mutant", "format"), self.slowest, strict=True)),
        }  # fmt: skip

    def text(self) -> str:
        each = self.seconds / max(self.read, 1) * 1000
        lines = [f"{len(self.seen)} mutants ({self.read} read, {each:.1f} ms each)"]
        for name, sums in self._sums(0).items():
            lines.append(f"  {name:8}" + " ".join(f"{kind} {n}" for kind, n in sorted(sums.items())))
        codes = Counter({f"{kind}: {code}": n for code, sums in self._sums(2).items() for kind, n in sums.items()})
        lines += [f"    {n:7} {code}" for code, n in codes.most_common()]
        lines.append(f"  slowest {self.slowest[0]:.2f} s (mutant {self.slowest[1]}, {self.slowest[2]})")
        lines.append(f"  peak RSS {self.rss / 1024:.0f} MiB, worker {self.worker_rss / 1024:.0f} MiB")
        return "\n".join(lines)


class Lane:
    """A child and the mutants given to it, some ahead so that it never waits for the next."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.since = args, time.monotonic()
        self.pending: deque[int] = deque()
        self.child = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, __file__, "--serve", "--seed", str(self.args.seed), "--keep", str(self.args.keep)]
        # Without buffers: an answer that Python has read ahead would not wake the selector.
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def give(self, *numbers: int) -> None:
        """Let the child read mutants, behind those it has."""
        assert self.child.stdin is not None
        self.pending += numbers
        self.child.stdin.write("".join(f"{number}\n" for number in numbers).encode())

    def answer(self, originals: dict[str, bytes]) -> dict[str, Any]:
        """Return what became of a mutant; one that the child did not survive is kept and counted."""
        assert self.child.stdout is not None
        line, number, seconds = self.child.stdout.readline(), self.pending.popleft(), time.monotonic() - self.since
        self.since = time.monotonic()
        if line.endswith(b"\n"):
            return dict(json.loads(line))
        why = f"crash {self.child.wait()}"
        name, data = mutant(number, self.args.seed, originals)
        _keep(self.args.keep, number, name, data, why=why)
        waiting, self.pending, self.child = self.pending, deque(), self.start()
        self.give(*waiting)
        return {"n": number, "sha": sha(name, data), "format": name, "kind": why, "code": f"mutant {number}",
                "seconds": seconds, "rss": 0, "worker_rss": 0}  # fmt: skip

    def end(self) -> None:
        assert self.child.stdin is not None
        self.child.stdin.close()
        self.child.wait()


class Journal:
    """One line of JSON for each mutant read and for each stretch begun; what it holds is not read again."""

    def __init__(self, path: Path | None, seed: int) -> None:
        self.told: list[dict[str, Any]] = []
        self.stretches: list[dict[str, Any]] = []
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                item = json.loads(line)
                (self.told if "n" in item else self.stretches).append(item)
        if any(stretch["seed"] != seed for stretch in self.stretches):
            raise SystemExit(f"{path} was written with another seed")
        self.stream = None if path is None else path.open("a", encoding="utf-8")
        began = {"seed": seed, "after": len(self.told), "commit": _commit(), "date": time.strftime("%Y-%m-%d")}
        self.stretches.append(began)
        self.write(began)

    def write(self, item: dict[str, Any]) -> None:
        if self.stream is not None:
            self.stream.write(json.dumps(item) + "\n")
            self.stream.flush()


def _commit() -> str:
    git = ["git", "-C", str(Path(__file__).parent)]
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    changed = subprocess.run([*git, "status", "--porcelain", "--", ".", "../../src"], capture_output=True, text=True,
                             check=False).stdout.strip()  # fmt: skip
    return head + ("+changes" if changed else "")


def run(args: argparse.Namespace, journal: Journal) -> Figures:
    """Read mutants until as many distinct ones were read as were asked for."""
    figures, originals = Figures(), seeds.make()
    for told in journal.told:
        figures.add(told)
    done = {told["n"] for told in journal.told}
    numbers = (n for n in itertools.count() if n not in done)
    lanes = [Lane(args) for _ in range(args.jobs)]
    while working := [lane for lane in lanes if _filled(lane, lanes, figures, numbers)]:
        for lane in _answering(working):
            told = lane.answer(originals)
            journal.write(told)
            figures.add(told)
            if args.verbose and figures.read % 5000 == 0:
                sys.stderr.write(figures.text() + "\n")
    for lane in lanes:
        lane.end()
    return figures


def _filled(lane: Lane, lanes: list[Lane], figures: Figures, numbers: Iterator[int]) -> bool:
    """Give a lane what it lacks, no more than is wanted; return whether it has anything to do."""
    while len(lane.pending) < AHEAD and len(figures.seen) + sum(len(one.pending) for one in lanes) < lane.args.count:
        lane.give(next(numbers))
    return bool(lane.pending)


def _answering(lanes: list[Lane]) -> list[Lane]:
    """Wait for lanes that have an answer, or have ended; a child that no signal reaches is ended."""
    with selectors.DefaultSelector() as selector:
        for lane in lanes:
            selector.register(lane.child.stdout, selectors.EVENT_READ, lane)  # type: ignore[arg-type]
        ready = [key.data for key, _ in selector.select(5.0)]
    for lane in lanes:
        if time.monotonic() - lane.since > SECONDS + 30 and lane not in ready:
            lane.child.kill()
    return ready


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="distinct mutants to read")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    parser.add_argument(
        "--journal", type=Path, help="file of what was read; a run with the same file goes on behind it"
    )
    parser.add_argument("--record", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.seed, args.keep)
        return 0
    journal = Journal(args.journal, args.seed)
    figures = run(args, journal)
    sys.stdout.write(figures.text() + "\n")
    if args.record is not None:
        record = {"seed": args.seed, "wanted": args.count, "stretches": journal.stretches, **figures.record()}
        args.record.parent.mkdir(parents=True, exist_ok=True)
        args.record.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 1 if figures.bad() else 0


if __name__ == "__main__":
    sys.exit(main())
