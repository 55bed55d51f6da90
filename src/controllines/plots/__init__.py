"""Pictures (图件): maps of parcels and charts of statistics, drawn by matplotlib with Chinese glyphs."""

from __future__ import annotations

from controllines.plots.charts import bars as bars
from controllines.plots.charts import choropleth as choropleth
from controllines.plots.maps import Scene as Scene
from controllines.plots.maps import draw_map as draw_map
from controllines.plots.picture import Picture as Picture
from controllines.plots.picture import chinese_font as chinese_font
