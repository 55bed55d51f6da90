"""Workers (线程): how work is dealt out to threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from controllines.windows import Each

#: Fewer pieces of land are not worth a thread of their own.
LEAST = 64


@dataclass(frozen=True)
class Workers:
    """How the work is dealt out; it never changes a result.

    Attributes
    ----------
    threads : how many; 0: as many as there are processors
    chunk : pieces of land that a thread takes at a time, at most
    """

    threads: int = 0
    chunk: int = 512

    def deal(self, count: int) -> list[np.ndarray]:
        """Return rows 0…count-1 in chunks: all threads get one if there are enough for it to be worth it."""
        threads = self.threads or os.cpu_count() or 1
        chunks = max(-(-count // self.chunk), min(threads, count // LEAST), 1)
        return np.array_split(np.arange(count), chunks)

    @contextmanager
    def pool(self) -> Iterator[Each]:
        """Give a ``map`` that uses the threads; one item is not worth waking them."""
        threads = self.threads or os.cpu_count() or 1
        if threads == 1:
            yield map
            return
        with ThreadPoolExecutor(threads) as pool:

            def each(work: Callable[[Any], Any], items: Iterable[Any]) -> Iterable[Any]:
                jobs = list(items)
                return map(work, jobs) if len(jobs) < 2 else pool.map(work, jobs)

            yield each
