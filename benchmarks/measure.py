"""How things are measured: each engine in a process of its own, asked in turn (A B A B …), medians, peak memory."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.metadata
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

LIBRARIES = ("controllines", "numpy", "shapely", "pyproj", "pyogrio", "geopandas", "pandas", "pyarrow")


def peak_mb(pid: int | str = "self") -> float:
    """Return the peak memory of a process in MB, mapped files included; NaN where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):  # no such system, no such process any more, or one that has ended
        return float("nan")


def forget_peak(pid: int | str = "self") -> None:
    """Let the peak of a process count from now on (Linux, own processes)."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


@dataclass
class Answer:
    """What a call came to: its seconds, its value, or why there is none; and the processor time it took."""

    seconds: float = float("nan")
    value: Any = None
    error: str = ""
    cpu_s: float = float("nan")


class Worker:
    """An object that lives in a process of its own; ``call`` runs one of its methods there and takes the time."""

    def __init__(self, name: str, make: Callable[..., Any], *args: Any, **options: Any) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.name = name
        self.pipe, there = spawn.Pipe()
        self.process = spawn.Process(target=_serve, args=(there, make, args, options), daemon=True)
        self.process.start()
        there.close()
        self.made = self._answer()

    def call(self, method: str, *args: Any) -> Answer:
        """Run a method there."""
        if self.made.error:
            return self.made
        self.pipe.send((method, args))
        return self._answer()

    def _answer(self) -> Answer:
        try:
            return self.pipe.recv()  # type: ignore[no-any-return]
        except EOFError:
            self.process.join()
            self.made = Answer(error=f"the process ended with {self.process.exitcode}")
            return self.made

    def close(self) -> None:
        """End the process."""
        if self.process.is_alive() and not self.made.error:
            self.call("close")
            self.pipe.send(None)
        self.process.join(timeout=30)
        self.process.kill()


def _serve(pipe: Connection, make: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> None:
    """Be the process: make the object, answer calls until told to stop."""
    here: dict[str, Any] = {}

    def timed(work: Callable[[], Any]) -> Answer:
        begin, busy = time.perf_counter(), _busy(here.get("object"))
        try:
            value = work()
        except Exception as error:  # noqa: BLE001 - a peer that fails is a row of the table, not the end of the run
            traceback.print_exc()
            return Answer(error=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
        return Answer(time.perf_counter() - begin, value, cpu_s=_busy(here.get("object")) - busy)

    def made() -> float:
        here["object"] = make(*args, **options)
        return peak_mb()

    pipe.send(timed(made))
    while (message := pipe.recv()) is not None:
        method, given = message
        if method == "peak":
            pipe.send(Answer(0.0, peak_mb()))
        elif method == "forget_peak":
            pipe.send(timed(forget_peak))
        else:
            pipe.send(timed(lambda method=method, given=given: getattr(here["object"], method)(*given)))


def _busy(engine: Any) -> float:
    """Return the processor time (s) of this process and of a server that works for the engine."""
    server = getattr(engine, "server_pid", None)
    return time.process_time() + (_process_time(server) if server else 0.0)


def _process_time(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Runs:
    """One engine and one question, and what came of asking it.

    Attributes
    ----------
    label : what tables call it
    method, worker : what is asked of whom
    seconds, cpu_s, value : of each run; the value of the first
    peak_mb : most memory of the engine's process, and of its server, while it answered
    """

    label: str
    worker: Worker | Program
    method: str
    seconds: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    value: Any = None
    peak_mb: float = float("nan")
    error: str = ""

    @property
    def median(self) -> float:
        """Median of the seconds, NaN where there are none."""
        return statistics.median(self.seconds) if self.seconds else float("nan")

    @property
    def cpu(self) -> float:
        """Median of the processor time: it tells work from waiting, on all cores together."""
        return statistics.median(self.cpu_s) if self.cpu_s else float("nan")

    def ask(self, *, counts: bool = True) -> None:
        """Ask once; what goes before (``forget``) is not timed."""
        self.error = self.error or self.worker.made.error
        if self.error:
            return
        for preparation in ("forget", "forget_peak"):
            self.worker.call(preparation)
        answer = self.worker.call(self.method)
        self.error = answer.error
        if self.error:
            return
        self.value = answer.value if self.value is None else self.value
        own, outside = self.worker.call("peak").value, self.worker.call("outside_mb").value
        self.peak_mb = float(np.fmax(own + (outside or 0.0), self.peak_mb))
        if counts:
            self.seconds.append(answer.seconds)
            self.cpu_s.append(answer.cpu_s)


def alternate(runs: Sequence[Runs], *, rounds: int, budget_s: float, warm: bool = False) -> None:
    """Ask every engine in turn, round after round; one that has used up its budget is asked no more.

    Parameters
    ----------
    rounds : most rounds
    budget_s : seconds after which an engine has been asked often enough
    warm : True: a first round is asked and not counted
    """
    for number in range(rounds + warm):
        for run in runs:
            if sum(run.seconds) <= budget_s:
                run.ask(counts=number > 0 or not warm)


def command(words: Sequence[object]) -> Answer:
    """Run a program to its end; ``value`` is the peak memory (MB) of it and of the processes it started."""
    begin = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([*map(str, words)], stdout=subprocess.DEVNULL, stderr=said)
        peaks: dict[int, float] = {}
        while process.poll() is None:
            for pid in _family(process.pid):
                peaks[pid] = np.fmax(peaks.get(pid, 0.0), peak_mb(pid))
            time.sleep(0.002)
        seconds = time.perf_counter() - begin
        said.seek(0)
        last = said.read().decode(errors="replace").strip().splitlines()[-1:]
    return Answer(seconds, sum(peaks.values()), f"exit {process.returncode}: {last}" if process.returncode else "")


def _family(pid: int) -> list[int]:
    """Return a process and all below it (Linux; elsewhere only itself)."""
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        below = []
    return [pid, *(one for child in below for one in _family(int(child)))]


@dataclass
class Program:
    """A program in the place of an engine in :class:`Runs`: its whole run is timed, from start to exit.

    Attributes
    ----------
    words : the command
    before : called before each run, outside of its time
    """

    name: str
    words: Sequence[object]
    before: Callable[[], object] = str
    made: Answer = field(default_factory=Answer)
    peak: float = float("nan")

    def call(self, method: str, *_: Any) -> Answer:
        """Run it; what engines are asked besides has no answer here."""
        if method == "forget":
            self.before()
        if method != "run":
            return Answer(0.0, self.peak if method == "peak" else None)
        answer = command(self.words)
        self.peak = answer.value
        return Answer(answer.seconds, True, answer.error)

    def close(self) -> None:
        """It has ended."""


def versions(engines: Iterable[str] = ()) -> dict[str, str]:
    """Return what was measured where."""
    said = {name: importlib.metadata.version(name) for name in LIBRARIES}
    root = Path(__file__).resolve().parents[1]
    words = ["git", "-C", root, "describe", "--always", "--dirty"]
    commit = subprocess.run(words, capture_output=True, text=True, check=False)
    said["commit"] = commit.stdout.strip()
    said["python"] = platform.python_version()
    said["machine"] = f"{os.cpu_count()} cores, {_memory_gb():.0f} GB, {platform.system()}"
    said["engines"] = "; ".join(dict.fromkeys(engines))
    said["date"] = dt.date.today().isoformat()
    return said


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def write(out: Path, name: str, rows: list[dict[str, Any]], about: dict[str, Any]) -> None:
    """Write rows as ``name.json`` and as a Markdown table ``name.md``, and show the table."""
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps({"about": about, "rows": rows}, indent=1, ensure_ascii=False) + "\n")
    text = markdown(rows) + "\n" + "".join(f"- {key}: {value}\n" for key, value in about.items())
    (out / f"{name}.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return rows as a Markdown table; columns in order of first appearance."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row.get(name)) for name in columns) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None or value != value:  # NaN
        return "—"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3g}" if abs(value) < 1000 else str(round(value))
