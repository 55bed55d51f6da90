"""Classes of cells (栅格类别): whole numbers as they are, or continuous values between breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from controllines.errors import InputError, UsageError
from controllines.raster.source import Raster

Array = np.ndarray
#: More classes than this are no classes.
MOST_CLASSES = 1000
NO_DATA, OUTSIDE = "无数据", "栅格范围外"


@dataclass(frozen=True)
class Classes:
    """How values become classes.

    Attributes
    ----------
    breaks : upper ends of classes of continuous values, rising; the class above the last is open. As in 坡度分级 the
        upper end belongs to the class: 2, 6, 15, 25 are ≤2, 2—6, 6—15, 15—25, >25. None: values are classes themselves
    names : class value (or number of the class between breaks, from 1) → name
    """

    breaks: tuple[float, ...] | None = None
    names: Mapping[int, str] = field(default_factory=dict)

    def of(self, values: Array, valid: Array) -> tuple[Array, list[str]]:
        """Return for each cell the number of its class, 0 where there is no data, and the codes of classes 1, 2, …."""
        out = np.zeros(values.shape, np.int64)
        if self.breaks is not None:
            out[valid] = np.searchsorted(np.asarray(self.breaks), values[valid], side="left") + 1
            return out, [str(n) for n in range(1, len(self.breaks) + 2)]
        number, found = pd.factorize(values[valid])
        out[valid] = number + 1
        return out, [str(int(value)) for value in found]

    def name(self, code: str) -> str:
        """Return the name of a class."""
        given = self.names.get(int(code))
        if given is not None or self.breaks is None:
            return given or code
        n, ends = int(code), [f"{end:g}" for end in self.breaks]
        if n == 1:
            return f"≤{ends[0]}"
        return f">{ends[-1]}" if n > len(ends) else f"{ends[n - 2]}—{ends[n - 1]}"


def classes_of(
    raster: Raster, breaks: Sequence[float] | None, names: Mapping[int, str] | None
) -> Classes:  # fmt: skip
    """Return the classes of a raster.

    Raises
    ------
    InputError
        ``RASTER_CONTINUOUS``: its values are no whole numbers and there are no breaks.
    UsageError
        Breaks do not rise.
    """
    if breaks is not None:
        if not len(breaks) or any(low >= high for low, high in zip(breaks, list(breaks)[1:], strict=False)):
            raise UsageError.of(
                "OPTION_VALUE", layer="breaks", actual=list(breaks), expected="由小到大，例如 2,6,15,25"
            )
        return Classes(tuple(map(float, breaks)), names or {})
    scaled = raster.dataset.scales[raster.band - 1] != 1 or raster.dataset.offsets[raster.band - 1] != 0
    if raster.dtype.kind not in "iub" or scaled:
        raise InputError.of("RASTER_CONTINUOUS", source=raster.path, actual=str(raster.dtype))
    return Classes(None, names or {})
