"""The demo county (演示县): seeded, synthetic, and saying so (合成数据，仅供演示).

A county of 托克逊's township names and of its published totals: the official areas of the three control lines are
those of the plan to 0.01 km², every shape is invented. ``controllines demo --out DIR`` writes it.
"""

from __future__ import annotations

from controllines.demo.make import DemoFiles as DemoFiles
from controllines.demo.make import make_demo as make_demo
