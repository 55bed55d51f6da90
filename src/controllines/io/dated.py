"""Files whose bytes repeat: GDAL writes the date it is told instead of the clock's."""

from __future__ import annotations

import datetime as dt
from contextlib import AbstractContextManager

from controllines.io.bulk import configured


def dated(day: dt.date) -> AbstractContextManager[None]:
    """Let GDAL stamp what it writes within the block with ``day``: the same content is the same bytes again."""
    return configured({"OGR_CURRENT_DATE": f"{day.isoformat()}T00:00:00.000Z"})
