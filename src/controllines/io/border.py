"""The border: GDAL reads what others handed in inside a worker process, so that a hang or a crash costs one file."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from controllines.errors import InputError
from controllines.io.gate import Opened, exceeded
from controllines.io.records import RefusedError
from controllines.io.source import Limits, Wanted

Layer = tuple[dict[str, Any], pa.Table]

#: Drivers that reach out to other files or to the network.
_SKIPPED_DRIVERS = (
    "OGR_VRT,VRT,HTTP,WFS,OAPIF,CSW,WMS,WMTS,WCS,EEDA,EEDAI,Carto,Elastic,Elasticsearch,AmigoCloud,PLScenes,NGW,GMLAS,"
    "STACTA,STACIT,DAAS,OGCAPI,PostgreSQL,MySQL,MSSQLSpatial,ODBC,OCI,MongoDBv3,HANA,GTI,ESRIJSON,TopoJSON,GDALG"
)
#: Beginnings of variables by which other programs would give GDAL and PROJ foreign data or plug-ins.
_FOREIGN = ("GDAL_", "OGR_", "OSR_", "CPL_", "PROJ_", "SHAPE_", "SQLITE_")


#: After so many seconds without a file the worker is closed: its 140 MB are worth more than the start of a new one.
IDLE_S = 2.0


class _Broken(Exception):  # noqa: N818 - never leaves this module
    """The worker ended in the middle of an exchange."""


class _Worker:
    """The one worker of this process: started at first use, replaced after a crash, closed when idle and at exit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._rest: threading.Timer | None = None

    def read(self, shown: Path, request: Mapping[str, object], limits: Limits) -> tuple[dict[str, Any], list[pa.Table]]:
        """Have one file read, one at a time."""
        with self._lock:
            if self._rest is not None:
                self._rest.cancel()
            try:
                return self._read(shown, request, limits)
            finally:
                self._rest = threading.Timer(IDLE_S, self.close)
                self._rest.daemon = True
                self._rest.start()

    def _read(
        self, shown: Path, request: Mapping[str, object], limits: Limits
    ) -> tuple[dict[str, Any], list[pa.Table]]:
        reused = self._alive()
        for attempt in (1, 2):
            try:
                return self._attempt(shown, request, limits.max_seconds)
            except _Broken:
                # A worker that read files before may have died of something else: the file gets a fresh one.
                if attempt == 2 or not reused:
                    break
        raise InputError.of("READ_CRASHED", source=shown, expected=limits.max_memory_bytes)

    def _attempt(
        self, shown: Path, request: Mapping[str, object], max_seconds: float
    ) -> tuple[dict[str, Any], list[pa.Table]]:
        process = self._running()
        late = threading.Event()
        timer = threading.Timer(max_seconds, _expire, (late, process))
        timer.start()
        whole = False
        try:
            answer = _exchange(process, request)
            whole = True
            return answer
        except (OSError, EOFError, ValueError, pa.ArrowException):
            if late.is_set():
                raise exceeded(shown, "max_seconds", max_seconds, "读取未完成") from None
            raise _Broken from None
        finally:
            timer.cancel()
            # A broken exchange, also one that was interrupted, leaves an answer behind that belongs to no request.
            if late.is_set() or not whole:
                self._end()

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None and self._owner == os.getpid()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or not self._alive():
            self._end()  # of one that died by itself the pipes are still open
            atexit.unregister(self.close)  # once, however many workers follow each other
            atexit.register(self.close)
            self._process, self._owner = _start(), os.getpid()
        return self._process

    def _end(self) -> None:
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                _close(pipe)
        self._process = None

    def close(self) -> None:
        """End the worker; the next file starts a new one."""
        with self._lock:
            self._end()

    @property
    def pid(self) -> int | None:
        """Process id of the worker, None before the first file."""
        return self._process.pid if self._process else None


def _expire(late: threading.Event, process: subprocess.Popen[bytes]) -> None:
    late.set()
    process.kill()


def _close(pipe: IO[bytes] | None) -> None:
    try:
        if pipe is not None:
            pipe.close()
    except OSError:  # what was still to be written to a dead worker
        return


WORKER = _Worker()


def _start() -> subprocess.Popen[bytes]:
    # Not multiprocessing: it would run the user's unguarded script again. -P keeps the current folder, which may be
    # the applicants', off the import path.
    environment = {key: value for key, value in os.environ.items() if not key.upper().startswith(_FOREIGN)}
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "GDAL_SKIP": _SKIPPED_DRIVERS, "OGR_SKIP": _SKIPPED_DRIVERS,
        "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none", "PROJ_NETWORK": "OFF", "SHAPE_RESTORE_SHX": "NO",
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-P", "-c", "from controllines.io.worker import main; main()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )  # fmt: skip


def _exchange(process: subprocess.Popen[bytes], request: Mapping[str, object]) -> tuple[dict[str, Any], list[pa.Table]]:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    header: dict[str, Any] = json.loads(line)
    return header, [_table(process.stdout, about["bytes"]) for about in header.get("layers", [])]


def _table(channel: IO[bytes], length: int) -> pa.Table:
    data = channel.read(length)
    if len(data) != length:
        raise EOFError
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        return reader.read_all()


def read_layers(
    opened: Opened, wanted: Wanted, *, encoding: str | None = None, options: Mapping[str, str] | None = None
) -> list[Layer]:
    """Read the layers of a file by GDAL: in the worker process, or here if the file is trusted.

    Raises
    ------
    InputError
        The file is refused, exceeds a limit (named), or broke the worker.
    """
    limits = wanted.limits
    request = {
        "path": str(opened.path.absolute()), "driver": opened.driver, "layer": wanted.layer, "encoding": encoding,
        "max_features": limits.max_features, "options": dict(options or {}),
    }  # fmt: skip
    if wanted.trusted:
        from controllines.io import bulk  # GDAL is loaded only where it reads

        try:
            return bulk.read_layers(**request)  # type: ignore[arg-type]
        except RefusedError as refused:
            raise _refusal(opened, refused.code, refused.values, limits) from refused
    header, tables = WORKER.read(opened.shown, request | {"max_memory_bytes": limits.max_memory_bytes}, limits)
    if "refused" in header:
        raise _refusal(opened, header["refused"], header["values"], limits)
    return list(zip(header["layers"], tables, strict=True))


def _refusal(opened: Opened, code: str, values: dict[str, object], limits: Limits) -> InputError:
    if values.get("limit") == "max_memory_bytes":
        values = values | {"expected": limits.max_memory_bytes}
    return InputError.of(code, source=opened.shown, **values)
