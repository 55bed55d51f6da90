"""The file rules of Windows on Linux: ``python -m pytest -p tests.windows_files`` (docs/testing.md).

What is open or mapped, here or in a process started from here, cannot be replaced, moved or removed; a name holds none
of ``< > : " | ? *``, ends in no dot or space, is no device and differs from its neighbours by more than case; nothing
is renamed onto something. Only what the package itself does is held to this, not what the tests prepare.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = str(Path(__file__).resolve().parents[1] / "src" / "controllines") + os.sep
TESTS = str(Path(__file__).resolve().parent) + os.sep
PLACES = tuple({tempfile.gettempdir(), str(Path.cwd()), os.environ.get("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())})
ILLEGAL = re.compile(r'[<>:"|?*\x00-\x1f]|[. ]$')
DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
#: What was refused, with the test: some callers pass over it (temporary folders stay behind then).
refused: list[str] = []
#: Not empty while the rules themselves look at files.
_looking: list[str] = []


def _processes() -> Iterator[str]:
    yield "self"
    for task in Path("/proc/self/task").iterdir():
        try:
            yield from (task / "children").read_text().split()
        except OSError:  # the thread has ended meanwhile
            continue


def _held() -> set[str]:
    """Paths that are open or mapped."""
    held: set[str] = set()
    for process in _processes():
        root = Path("/proc") / process
        try:
            for handle in (root / "fd").iterdir():
                held.add(str(handle.readlink()))
            held |= {line.split(None, 5)[5].rstrip("\n") for line in (root / "maps").read_text().splitlines()
                     if line.count(" /") or "/" in line}  # fmt: skip
        except (OSError, IndexError):  # it ended, or has closed the file meanwhile
            continue
    return held


def _whole(path: Any, folder: Any = -1) -> str:
    text = os.fsdecode(path) if not isinstance(path, int) else os.readlink(f"/proc/self/fd/{path}")
    if not os.path.isabs(text):
        text = os.path.join(os.readlink(f"/proc/self/fd/{folder}") if folder not in (-1, None) else os.getcwd(), text)
    return os.path.normpath(text)


def _by_the_package() -> bool:
    """Whether the package, rather than a test, is the nearest to ask for this."""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith((PACKAGE, TESTS)):
            return file.startswith(PACKAGE)
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _refuse(path: str, why: str, code: int = 13) -> None:
    refused.append(f"{os.environ.get('PYTEST_CURRENT_TEST', '')}: {why}: {path}")
    raise (PermissionError if code == 13 else OSError)(code, why, path)


def _not_held(path: str, *, below: bool = False) -> None:
    for other in _held():
        if other == path or (below and other.startswith(path + os.sep)):
            _refuse(path, f"in use by {other}")


def _name(path: str) -> None:
    folder, name = os.path.split(path)
    if ILLEGAL.search(name) or DEVICE.match(name):
        _refuse(path, "no name on Windows", 22)
    if len(path) >= 32_000 or len(name) > 255:
        _refuse(path, "name too long", 22)
    if not os.path.lexists(path) and os.path.isdir(folder):
        same = [other for other in os.listdir(folder) if other.casefold() == name.casefold()]
        if same:
            _refuse(path, f"the same name as {same[0]} but for case", 17)


def _moved(source: str, target: str) -> None:
    if source == target:
        _not_held(source)
        return
    _not_held(source, below=True)
    _name(target)
    if os.path.lexists(target):
        if os.path.isdir(target) or not os.stat(target).st_mode & stat.S_IWRITE:
            _refuse(target, "cannot be replaced")
        _not_held(target)


def _removed(path: str) -> None:
    _not_held(path)
    if os.path.lexists(path) and not os.path.islink(path) and not os.stat(path).st_mode & stat.S_IWRITE:
        _refuse(path, "read-only")


def _opened(path: str, flags: int) -> None:
    if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        _name(path)
    if flags & os.O_TRUNC and os.path.exists(path):
        maps = Path("/proc/self/maps").read_text()
        if path in maps:
            _refuse(path, "mapped")


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _looking or event not in ("os.rename", "os.remove", "os.mkdir", "open"):
        return
    _looking.append(event)
    try:
        first = arguments[0]
        if isinstance(first, int) or first is None or not _by_the_package():
            return
        path = _whole(first, arguments[-1] if event == "os.remove" else -1)
        if not path.startswith(PLACES):
            return
        if event == "os.rename":
            _moved(path, _whole(arguments[1]))
        elif event == "os.remove":
            _removed(path)
        elif event == "os.mkdir":
            _name(path)
        else:
            _opened(path, arguments[2])
    finally:
        _looking.clear()


def _rename(source: Any, target: Any, **options: Any) -> None:
    if os.path.lexists(target):
        raise FileExistsError(17, "exists", os.fsdecode(target))
    _real_rename(source, target, **options)


_real_rename = os.rename


def pytest_configure() -> None:
    os.rename = _rename
    sys.addaudithook(_watch)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"Windows rules: {len(refused)} refused")
    for line in refused:
        terminalreporter.write_line(f"  {line}")
