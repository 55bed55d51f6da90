"""Rasters (栅格): areas of land-cover, slope or 双评价 classes by unit and by control line."""

from __future__ import annotations

from controllines.raster.areas import raster_areas as raster_areas
