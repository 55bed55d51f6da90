"""Three parcels of two projects."""

from __future__ import annotations

from controllines.layers import Layer
from controllines.parcels import read_parcels
from tests.builders import here, parcels

BOXES = [here(0, 0, 100, 100), here(200, 0, 300, 100), here(400, 0, 500, 100)]


def layer(count: int = 3, **columns) -> Layer:
    return read_parcels(parcels(*BOXES[:count], XMBH=["P1", "P1", "P2"][:count], **columns))
