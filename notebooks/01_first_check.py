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
# # 第一次核对：用地申请与三条控制线
# *First check: applications against the three control lines.*
#
# 本例使用随项目提供的演示县（**合成数据，仅供演示**）：乡镇名称与代码、三条控制线的总面积是真实的，其余全部由程序生成。
# 换成自己的数据时，只需改两处路径：`plan.toml` 和申请文件夹。
#
# *The demo county is synthetic. For your own data, change the two paths.*

# %%
from pathlib import Path
from tempfile import mkdtemp

import controllines as cl

demo = next(folder / "data" / "demo" for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "data/demo").is_dir())

# %% [markdown]
# ## 1 打开规划 · Open the plan
# `plan.toml` 说明每个图层在哪个文件、是哪个版本；也可以直接给 gdb、gpkg，按官方表名识别。

# %%
plan = cl.open_plan(demo / "规划" / "plan.toml")
print(plan.name, plan.version)
{layer.kind.zh: len(layer.frame) for layer in plan.layers.values()}

# %% [markdown]
# 图斑椭球面积（官方面积）与公布的总面积一致：
# 生态保护红线 55.07、永久基本农田 202.80、城镇开发边界 74.91 平方公里。
#
# *Official (ellipsoidal) areas meet the published totals.*

# %%
totals = {
    plan.layers[kind].kind.zh: float(cl.official_area(plan.layers[kind].frame).sum()) / 1e6
    for kind in ("ecological_redline", "permanent_farmland", "urban_boundary")
}
{name: round(km2, 2) for name, km2 in totals.items()}

# %% [markdown]
# ## 2 读入申请 · Read the applications
# 同一文件夹里有勘测定界 TXT（多为 GBK）、shp 压缩包、gpkg 和 geojson。坐标系、带号、编码都从文件本身读出，并留痕。
# 其中一个 TXT 在传输中被截断：它被点名排除，其余照常核对。
#
# *One file is cut off; it is set aside by name and the rest is checked.*

# %%
parcels = cl.read_parcels(demo / "申请")
parcels.frame[["parcel_id", "name", "project_id", "source_crs"]].head()

# %% [markdown]
# ## 3 核对 · Check

# %%
result = cl.check(parcels, plan, as_of="2026-11-21")
print(result)

# %% [markdown]
# `overlaps` 每行是一个地块与一条控制线：`conflict` 有冲突，`none` 无重叠，`no_data` 无数据，`failed` 未能核对。
# 后三者是三种不同的回答。
#
# *"None", "no data" and "failed" are three different answers.*

# %%
overlaps = result.overlaps
overlaps.groupby(["kind", "outcome"]).size().unstack(fill_value=0)

# %% [markdown]
# ### 与永久基本农田重叠的地块 · Parcels on permanent basic farmland
# 面积单位是平方米，未取位；打印时才四舍五入一次。`net_area_m2` 是扣除田坎后的面积。

# %%
conflicts = overlaps[overlaps["outcome"] == "conflict"].merge(result.parcels[["parcel_id", "name"]], on="parcel_id")
columns = ["parcel_id", "name", "area_m2", "net_area_m2", "share", "depth_m", "width_m"]
conflicts.loc[conflicts["kind"] == "permanent_farmland", columns].round(3)

# %% [markdown]
# ### 一条路穿过两条线 · One road across two lines

# %%
conflicts.loc[
    conflicts["name"].str.startswith("旅游公路", na=False), ["kind", "conflict_m2", "share", "depth_m", "width_m"]
].round(4)

# %% [markdown]
# ### 仅接边，与 1 毫米重叠 · Contact, and a strip of one millimetre
# 与红线共用界址点的地块只是接边，不算冲突（有极窄的接边误差时，其面积记在 `contact_m2`）；
# 重叠 1 毫米的，比坐标精度还窄，标 `sub_resolution`，须核对原始界址点。

# %%
edge = result.parcels.loc[result.parcels["name"].str.startswith("林区边", na=False), "parcel_id"]
on_edge = overlaps[overlaps["parcel_id"].isin(edge) & (overlaps["kind"] == "ecological_redline")]
on_edge[["parcel_id", "outcome", "conflict_m2", "contact_m2", "width_m", "flags"]]

# %% [markdown]
# ### 落在哪个乡镇 · In which township
# 落在县界以外的部分记作“范围外”，不会消失。

# %%
units = result.units[result.units["kind"] == "township"]
(units.groupby("name")["area_m2"].sum() / 10_000).round(4)

# %% [markdown]
# ### 问题清单 · Findings
# 每条问题写明文件、要素、应有值与实际值，以及怎么办。残缺文件、重复编号、申报面积不符都在这里。

# %%
result.findings.loc[result.findings["severity"] != "info", ["code", "severity", "feature", "message", "fix"]].head(20)

# %% [markdown]
# ## 4 统计 · Statistics
# 三条控制线按乡镇统计，合计即上面的总面积。

# %%
table = cl.tabulate(plan, of=["生态保护红线", "永久基本农田", "城镇开发边界"], by=["乡镇"])
table.pivot(unit="平方公里", decimals=2)

# %%
cl.tabulate(plan, of=["永久基本农田"], by=["乡镇", "规划分区"]).pivot(unit="公顷", decimals=2)

# %% [markdown]
# ## 5 写出成果 · Write the reports
# 汇总表（xlsx）和地图（html）给人看，`result.json` 给程序看；`result.json` 最后写入，有它才算完整。

# %%
out = Path(mkdtemp()) / "核对结果"
cl.write_report(result, out)
sorted(path.name for path in out.iterdir())
