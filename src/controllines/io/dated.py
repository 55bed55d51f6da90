"""Files whose bytes repeat: GDAL writes the date it is told instead of the clock's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

import pyogrio


@contextmanager
def dated(day: dt.date) -> Iterator[None]:
    """Let GDAL stamp what it writes within the block with ``day``: the same content is the same bytes again."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{day.isoformat()}T00:00:00.000Z"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
