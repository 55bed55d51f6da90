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
# # 统计与统计图：加得平的数字
# *Statistics and plots that balance.*
#
# 演示县为**合成数据，仅供演示**。换成自己的规划时，只需改 `plan.toml` 的路径。

# %%
from pathlib import Path
from tempfile import mkdtemp

import controllines as cl

demo = next(folder / "data" / "demo" for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "data/demo").is_dir())
plan = cl.open_plan(demo / "规划" / "plan.toml")

# %% [markdown]
# ## 1 三条控制线分乡镇 · Lines by township
# 每条线一列；各列可能重叠，所以不相加。要三线合计，就写“三线合计”：它是并集，重叠处只计一次。

# %%
lines = ["生态保护红线", "永久基本农田", "城镇开发边界"]
table = cl.tabulate(plan, of=[*lines, "三线合计", "生态保护红线+永久基本农田"], by="乡镇")
table.pivot(unit="公顷")

# %% [markdown]
# 末行是合计。每个数都是真值两侧相邻的两个数之一，各行之和恰等于合计；取舍了多少可以看：

# %%
table.pivot(unit="公顷", residuals=True).abs().max().max()

# %% [markdown]
# ## 2 两维：乡镇 × 规划分区 · Two ways
# 横竖都加得平。净面积扣除田坎，旁边是毛面积。

# %%
farmland = cl.tabulate(plan, of="永久基本农田", by=["乡镇", "规划分区"])
farmland.pivot(line="永久基本农田", measure="net_area_m2")

# %% [markdown]
# ## 3 地类、线内线外 · Land classes, inside and outside of a line

# %%
land = cl.tabulate(plan, of="现状地类", by=["三大类", "生态保护红线"])
print(land.provenance["big_classes"])  # 有争议的地类归到哪一类
land.pivot(unit="平方公里", line="现状地类")

# %% [markdown]
# ## 4 账要平 · The books
# 各块之和等于统计对象的面积。与单元对不上的部分（重叠、范围外、空隙），1 平方米以上的都有名有数：

# %%
table.balance

# %%
inside = table.frame.groupby("line")["area_m2"].sum()
by_zone = cl.tabulate(plan, of=lines, by="规划分区").frame.groupby("line")["area_m2"].sum()
f"{(inside[lines] - by_zone[lines]).abs().max():.6f} m²"  # 换一种分法，总数不变

# %% [markdown]
# ## 5 统计图 · Plots

# %%
cl.plot(table)

# %%
cl.plot(table, how="map", line="永久基本农田", plan=plan)

# %% [markdown]
# ## 6 写成 Excel · Tables and official forms

# %%
out = Path(mkdtemp())
cl.write_table(table, out / "面积统计表.xlsx")
cl.write_form(table, "three_lines", out / "三线占用情况汇总表.xlsx")
classes = cl.tabulate(plan, of="现状地类", by=["权属性质", "地类", "三大类"])
cl.write_form(classes, "land_classes", out / "土地分类面积表.xlsx")
sorted(path.name for path in out.iterdir())
