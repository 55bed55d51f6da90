# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 栅格与指标：坡度、土地覆被在控制线内外各有多少
# *Rasters and indicators: how much of each class lies where.*
#
# 做完本例，您能按乡镇、按控制线内外统计栅格各类面积，核对它加得平，画出图，并由此算出指标（例如永久基本农田中大于
# 25° 的比例）。
#
# *You will be able to count raster classes by township and inside and outside of control lines, see that the books
# balance, and
# make indicators of them.*
#
# 示例栅格由程序生成，**不是真实地形和覆被**，只为演示用法。*The rasters are invented.*

# %%
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import rasterio
from affine import Affine

import controllines as cl
from controllines.plots import chinese_font

demo = next(folder / "data" / "demo" for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "data/demo").is_dir())
work = Path(mkdtemp())
plan = cl.open_plan(demo / "规划" / "plan.toml")

# %% [markdown]
# ## 1 两幅示例栅格 · Two rasters
# 经纬度栅格，约 250 米一格：一幅坡度（连续值，度），一幅土地覆被（类别 1—4，0 为无数据）。

# %%
west, south, east, north = plan.layers["county"].frame.total_bounds
STEP = 0.0025
columns, rows = int((east - west) / STEP) + 3, int((north - south) / STEP) + 3
x, y = np.meshgrid(np.linspace(0, 9, columns), np.linspace(0, 12, rows))
ridges = (
    9 + 7 * np.sin(x * 1.3 + np.cos(y)) + 6 * np.cos(y * 0.9 + 0.5 * np.sin(2 * x)) + 8 * (y < 3.2) * (3.2 - y) / 3.2
)
slope = np.clip(ridges, 0, 45).astype("float32")
cover = np.select([slope < 4, slope < 9, slope < 17], [1, 3, 2], 4).astype("uint8")
cover[rows // 2 : rows // 2 + 6, columns // 3 : columns // 3 + 9] = 0  # 一小块没有数据
transform = Affine(STEP, 0, west - STEP, 0, -STEP, north + STEP)
for name, values, nodata in (("坡度.tif", slope, None), ("覆被.tif", cover, 0)):
    with rasterio.open(
        work / name, "w", driver="GTiff", width=columns, height=rows, count=1, dtype=values.dtype, crs="EPSG:4490",
        transform=transform, nodata=nodata, compress="deflate",
    ) as target:  # fmt: skip
        target.write(values, 1)
COVER = {1: "耕地", 2: "林地", 3: "草地", 4: "裸地"}

# %%
with plt.rc_context({"font.family": chinese_font(), "figure.dpi": 110}):
    figure, axes = plt.subplots(1, 2, figsize=(8, 4.6), layout="constrained")
    extent = (west - STEP, west + (columns - 1) * STEP, north - (rows - 1) * STEP, north + STEP)
    shown = axes[0].imshow(slope, cmap="YlOrBr", extent=extent)
    figure.colorbar(shown, ax=axes[0], shrink=0.7, label="坡度（度）")
    colours = plt.matplotlib.colors.ListedColormap(["#ffffff", "#e3c565", "#3f7d4e", "#a9c77b", "#b9aea2"])
    axes[1].imshow(cover, cmap=colours, extent=extent, interpolation="nearest")
    for axis, title in zip(axes, ("坡度（示例）", "土地覆被（示例）"), strict=True):
        plan.layers["county"].frame.boundary.plot(ax=axis, color="#22303a", lw=1)
        plan.layers["permanent_farmland"].frame.plot(ax=axis, color="#5b1a5e")
        axis.set_title(title)
        axis.set_axis_off()
        axis.set_aspect(1.35)

# %% [markdown]
# ## 2 分乡镇的覆被面积 · Cover by township
# 不重采样，单元格不整格取舍：面积＝Σ 被覆盖的比例 × 单元格的椭球面积。“无数据”和“栅格范围外”各占一列。

# %%
table = cl.raster_areas(work / "覆被.tif", plan, by=["乡镇"], of=["永久基本农田"], names=COVER)
table.pivot(unit="平方公里", line="全部土地")

# %% [markdown]
# 加得平：各类之和与乡镇面积的最大差值，和它理论上的上限，都随表给出（平方米）。

# %%
said = table.provenance["raster"]
townships = cl.official_area(plan.layers["township"].frame).sum()
counted = table.frame.loc[table.frame["line"] == "全部土地", "area_m2"].sum()
assert said["off_m2"] <= said["bound_m2"]
pd.Series({"最大差值": said["off_m2"], "上限": said["bound_m2"], "乡镇合计－各类合计": townships - counted}).round(4)

# %% [markdown]
# ## 3 控制线内外 · Inside and outside of a line

# %%
inside, outside = (table.pivot(unit="平方公里", line=f"永久基本农田{side}") for side in "内外")
inside

# %%
total = table.frame.groupby(["line", "class"], sort=False)["area_m2"].sum().unstack(0) / 1e6
total["线内占比"] = total["永久基本农田内"] / total["全部土地"]
total.round(3)  # 平方公里

# %% [markdown]
# ## 4 坡度分级与指标 · Slope classes and an indicator
# 坡度是连续值，须给出分级上限，上限属于本级：≤2、2—6、6—15、15—25、>25 度。

# %%
slopes = cl.raster_areas(
    work / "坡度.tif", plan, by=["乡镇"], of=["永久基本农田"], breaks=[2, 6, 15, 25],
    names={1: "≤2°", 2: "2—6°", 3: "6—15°", 4: "15—25°", 5: ">25°"},
)  # fmt: skip
slopes.pivot(unit="公顷", line="永久基本农田内")

# %%
farmland = slopes.frame[slopes.frame["line"] == "永久基本农田内"]
by_class = farmland.pivot_table(index="township", columns="class", values="area_m2", aggfunc="sum", sort=False)
by_class = by_class[[name for name in ("≤2°", "2—6°", "6—15°", "15—25°", ">25°") if name in by_class]]
by_class = by_class[by_class.sum(axis=1) > 0]
share = by_class.div(by_class.sum(axis=1), axis=0)
with plt.rc_context({"font.family": chinese_font(), "figure.dpi": 110}):
    figure, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
    left = np.zeros(len(share))
    for colour, (name, part) in zip(
        ("#dcefe3", "#a7d3b5", "#e9c46a", "#e08e45", "#b3261e"), share.items(), strict=False
    ):
        axis.barh(share.index, part, left=left, color=colour, label=name, height=0.62)
        left += part.to_numpy()
    axis.invert_yaxis()
    axis.xaxis.set_major_formatter("{x:.0%}")
    axis.set_xlim(0, 1)
    axis.set_title("永久基本农田坡度构成（示例数据）", fontsize=11)
    axis.legend(ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False, fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)

# %%
steep = farmland.groupby("class", sort=False)["area_m2"].sum()
pd.DataFrame({"公顷": steep / 1e4, "占比": steep / steep.sum()}).round(4)

# %% [markdown]
# 命令行得到同样的表：
#
# ```
# controllines raster 坡度.tif --plan plan.toml --by 乡镇 --of 永久基本农田 --breaks 2,6,15,25 --out 坡度统计
# ```
#
# ## 5 写出表格 · Write the tables

# %%
cl.write_table(slopes, work / "坡度分级面积.xlsx", unit="公顷")
sorted(path.name for path in work.iterdir())
