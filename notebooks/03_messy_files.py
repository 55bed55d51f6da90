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
# # 问题数据：收到的文件有毛病时会怎样
# *Messy files, and what happened to them.*
#
# 做完本例，您能看懂问题清单，知道哪些文件照常参与、哪些修复后参与、哪些被排除，以及怎样告诉申请单位改正。
#
# *You will be able to read the findings: what was used as it is, what was repaired, what was set aside, and what to
# tell the applicant.*
#
# 先由演示县的一个正常文件做出十四个有毛病的文件，都是公开资料和工作中见过的样子。

# %%
import json
from pathlib import Path
from tempfile import mkdtemp

import geopandas as gpd
import matplotlib.pyplot as plt
import pandas as pd
from shapely import LineString, Polygon, box
from shapely.affinity import translate

import controllines as cl
from controllines.plots import chinese_font

demo = next(folder / "data" / "demo" for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "data/demo").is_dir())
work = Path(mkdtemp())
folder = work / "申请"
folder.mkdir()
pd.set_option("display.max_colwidth", 200)

# %% [markdown]
# ## 1 做出有毛病的文件 · Making the messy files
# 六个勘测定界 TXT：两列颠倒、东坐标没有带号、带号与坐标矛盾、西安80、传输中断、UTF-16 编码。

# %%
good = next((demo / "申请").glob("演示_012*")).read_text(encoding="gbk")


def write_txt(name: str, text: str, encoding: str = "gbk") -> None:
    """Write a survey file whose parcel is numbered like the file."""
    (folder / name).write_text(text.replace("2026012-1", f"2026012-{int(name[:2])}"), encoding=encoding)


def swapped(line: str) -> str:
    """Return a line of a corner point with its two coordinates in the wrong order."""
    words = line.split(",")
    return ",".join([*words[:2], words[3], words[2]]) if line.startswith("J") else line


write_txt("01_正常.txt", good)
write_txt("02_坐标列颠倒.txt", "\n".join(map(swapped, good.splitlines())))
write_txt("03_没有带号前缀.txt", good.replace(",304", ",4"))
write_txt("04_带号矛盾.txt", good.replace("带号=30", "带号=29"))
write_txt("05_西安80.txt", good.replace("2000国家大地坐标系", "1980西安坐标系"))
write_txt("06_传输中断.txt", good[: len(good) * 3 // 4])
write_txt("07_UTF16.txt", good, "utf-16")
(folder / "08_重复编号.txt").write_text(good.replace("4735", "4736").replace("2026012-1", "2026012-7"), encoding="gbk")

# %% [markdown]
# 几何有毛病的：自相交的“领结”、洞伸出界外、没有坐标系、经纬度颠倒、线状工程；还有图纸，和改了后缀、
# 会去访问其他文件的 VRT。

# %%
EAST, NORTH, CRS = 30_401_700.0, 4_735_400.0, "EPSG:4518"  # 3° 30 带，含带号
bowtie = translate(Polygon([(0, 0), (200, 120), (200, 0), (0, 120)]), EAST, NORTH)
shell = [(0, 0), (200, 0), (200, 120), (0, 120)]
open_hole = translate(Polygon(shell, [[(150, 40), (260, 40), (260, 80), (150, 80)]]), EAST + 300, NORTH)
canal, road = (translate(LineString(line), EAST, NORTH - 200) for line in ([(0, 0), (400, 0)], [(0, 50), (400, 90)]))


def write_gpkg(name: str, **columns: list[object]) -> None:
    """Write a GeoPackage in 3° zone 30."""
    gpd.GeoDataFrame(columns, crs=CRS).to_file(folder / name)


write_gpkg("09_自相交.gpkg", DKBH=["ZJ-1"], DKMC=["自相交地块"], geometry=[bowtie])
write_gpkg("10_洞伸出界外.gpkg", DKBH=["D-1"], DKMC=["洞伸出界外"], geometry=[open_hole])
write_gpkg("12_线状工程.gpkg", DKBH=["X-1", "X-2"], DKMC=["渠", "路"], 宽度=[None, 8.0], geometry=[canal, road])
gpd.GeoDataFrame({"DKBH": ["W-1"]}, geometry=[translate(box(0, 0, 90, 90), EAST, NORTH)], crs=CRS).to_file(
    folder / "11_没有prj.shp", encoding="GBK"
)
(folder / "11_没有prj.prj").unlink()

ring = [[42.75, 88.80], [42.75, 88.81], [42.76, 88.81], [42.76, 88.80], [42.75, 88.80]]  # 纬度写在了前面
feature = {"type": "Feature", "properties": {"DKBH": "DD-1"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
(folder / "13_经纬度颠倒.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
(folder / "14_图纸.dwg").write_bytes(b"AC1032" + bytes(64))
(folder / "15_伪装.geojson").write_text("<VRTDataset rasterXSize='1'><!-- 会去读别的文件、访问网络 --></VRTDataset>")
len(list(folder.glob("[01]*")))

# %% [markdown]
# ## 2 读入 · Reading
# 一个坏文件只损失它自己。每个文件都在结果里占一行，状态 `ok` 照常、`repaired` 修复后参与、`excluded` 被排除。
#
# *One bad file costs that file only; each stays visible.*

# %%
parcels = cl.read_parcels(folder)
rows = parcels.frame.assign(文件=parcels.frame["source"].map(lambda path: Path(path).name))
rows[["文件", "parcel_id", "status"]].sort_values("文件").reset_index(drop=True)

# %% [markdown]
# 读入＝参与＋排除，从不悄悄少一个：

# %%
counts = rows["status"].value_counts()
assert len(rows) == counts["ok"] + counts["repaired"] + counts["excluded"]
counts

# %% [markdown]
# ## 3 问题清单 · Findings
# 每条写明文件、要素、实际情况和办法；“办法”一栏可以直接转给申请单位。

# %%
plan = cl.open_plan(demo / "规划" / "plan.toml")
result = cl.check(parcels, plan, as_of="2026-11-21", options=cl.CheckOptions(rules="none"))
found = result.findings[result.findings["source"].str.contains("申请", na=False)]
found = found.assign(文件=found["source"].map(lambda path: Path(path).name)).sort_values("文件")
found.loc[found["severity"] != "info", ["文件", "severity", "code", "message", "fix"]].reset_index(drop=True)

# %% [markdown]
# - **两列颠倒、没有带号**：由数值唯一确定，改正并留痕；**带号矛盾、西安80、没有坐标系**：要猜才能用，所以不用。
# - **传输中断**：半个文件里的地块不读，即使看上去完整。
# - **重复编号**：两个地块都核对，编号前加文件名区分，面积不会合到一起。
# - **线状工程**：有宽度的按宽度生成用地范围；没有宽度的被点名排除，不会按面积 0 得出“不涉及”。
#
# 下面的说明不影响结果（编码、线状工程的生成、项目的划分）：

# %%
found.loc[found["severity"] == "info", ["文件", "code", "message"]].reset_index(drop=True)

# %% [markdown]
# ## 4 修复了什么 · What was repaired
# 自相交多边形的面积正负相消：领结的坐标面积约为 0，实际是两块三角形。修复前后的面积都写在问题清单里，
# 洞在外圈之内的部分照挖，伸出界外的部分不算土地。

# %%
used = parcels.frame.set_index("parcel_id").geometry.to_crs(CRS)
official = result.parcels.set_index("parcel_id")["area_m2"]
with plt.rc_context({"font.family": chinese_font(), "axes.titlesize": 10, "figure.dpi": 110}):
    figure, axes = plt.subplots(2, 2, figsize=(8, 5), layout="constrained")
    for row, (before, number) in zip(axes, ((bowtie, "ZJ-1"), (open_hole, "D-1")), strict=True):
        titles = f"收到的：坐标面积 {before.area:,.1f} 平方米", f"使用的：椭球面积 {official[number]:,.1f} 平方米"
        for axis, title, geometry in zip(row, titles, (before, used[number]), strict=True):
            shape = translate(geometry, -before.bounds[0], -before.bounds[1])
            if shape.is_valid:
                gpd.GeoSeries([shape]).plot(ax=axis, color="#d9822b", alpha=0.35)
            for part in getattr(shape, "geoms", [shape]):
                for line in (part.exterior, *part.interiors):
                    axis.plot(*line.xy, color="#22303a", lw=1.3)
            axis.set(title=title, xlim=(-10, 270), ylim=(-10, 130), aspect="equal")
            axis.set_axis_off()

# %% [markdown]
# ## 5 核对照常进行 · The check goes on
# 能用的地块照常核对；被排除的在 `parcels` 中只占一行，没有结论。

# %%
merged = result.overlaps.merge(result.parcels[["parcel_id", "source"]], on="parcel_id")
merged["文件"] = merged["source"].map(lambda path: Path(path).name)
merged.pivot_table(index=["文件", "parcel_id"], columns="kind", values="outcome", aggfunc="first")

# %% [markdown]
# 同一地块的四种写法（正常、两列颠倒、没有带号、UTF-16）得到同样的面积：

# %%
same = merged[merged["文件"].str.match("0[1237]") & (merged["kind"] == "permanent_farmland")]
areas = same.set_index("文件")["conflict_m2"]
assert areas.max() - areas.min() < 1e-6
areas

# %% [markdown]
# ## 6 写出成果 · Reports
# 汇总表的“问题清单”就是上面这张表，按性质排列。命令行对这样的文件夹退出码为 1：完成，但有数据被排除。

# %%
print(result)
out = work / "核对结果"
cl.write_report(result, out)
sorted(path.name for path in out.iterdir())
