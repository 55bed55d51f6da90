"""The greatest memory that a process had in use, where the platform tells it (Linux)."""

from __future__ import annotations

from pathlib import Path


def peak_kb(pid: int | str | None = "self") -> int:
    """Return the peak of a process in KiB; 0 where nothing tells it.

    Not ``ru_maxrss``: a child begins with that of the process it was started from.
    """
    status = Path(f"/proc/{pid}/status")
    if pid is None or not status.exists():
        return 0
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
