"""The worker process: :func:`main` reads files by GDAL for the process that started it.

One request is a line of JSON. The answer is a line of JSON and, if the file was read, the layers as Arrow streams.
"""

from __future__ import annotations

import json
import os
import sys
from typing import BinaryIO

import pyarrow as pa

from controllines.io.bulk import read_layers
from controllines.io.records import RefusedError


def main() -> None:
    """Serve requests until the parent closes the channel."""
    answers = os.fdopen(os.dup(1), "wb")
    # Whatever GDAL or a library prints must not get between the answers.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    ask_nobody()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        limit_memory(request.pop("max_memory_bytes"))
        _answer(request, answers)
        answers.flush()


def _answer(request: dict[str, object], answers: BinaryIO) -> None:
    try:
        layers = read_layers(**request)  # type: ignore[arg-type]
        streams = [_stream(table) for _, table in layers]
    except RefusedError as refused:
        _line(answers, {"refused": refused.code, "values": refused.values})
        return
    except MemoryError:
        _line(answers, {"refused": "LIMIT_EXCEEDED", "values": {"limit": "max_memory_bytes", "actual": "内存不足"}})
        return
    _line(answers, {"layers": [about | {"bytes": len(s)} for (about, _), s in zip(layers, streams, strict=True)]})
    for stream in streams:
        answers.write(stream)


def _line(answers: BinaryIO, header: dict[str, object]) -> None:
    answers.write(json.dumps(header, default=str).encode() + b"\n")


def _stream(table: pa.Table) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return memoryview(sink.getvalue())


def ask_nobody() -> None:
    """Let a crash end this process at once: Windows would show a window first, and wait for somebody to close it."""
    try:
        import msvcrt
    except ImportError:
        return
    modes = ("SEM_FAILCRITICALERRORS", "SEM_NOGPFAULTERRORBOX", "SEM_NOOPENFILEERRORBOX")
    msvcrt.SetErrorMode(sum(getattr(msvcrt, mode) for mode in modes))  # type: ignore[attr-defined,unused-ignore]


def limit_memory(most: int) -> None:
    """Limit the address space of this process, where the platform can (not on Windows)."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
