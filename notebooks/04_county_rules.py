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
# # 写本县的规则包
# *Writing a county's rule pack.*
#
# 做完本例，您能在全国规则包之上增加一条本县的规则、改一条全国规则的材料、认出本县数据里的类别名称，检查写得对不对，
# 并看清它改变了哪些项目的判定、为什么。
#
# *You will be able to add a rule, change a national one, check the pack, and see which verdicts it changes and why.*
#
# 示例中的文件《托克逊县光伏项目用地管理细则》是**虚构**的，只为演示写法。*The county's document is invented.*

# %%
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import pandas as pd

import controllines as cl
from controllines.plots import chinese_font
from controllines.rules import described, load_pack

demo = next(folder / "data" / "demo" for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "data/demo").is_dir())
work = Path(mkdtemp())
pd.set_option("display.max_colwidth", 110)

# %% [markdown]
# ## 1 全国规则 · The national pack
# 规则是数据：每条写明控制线、空间条件、项目条件、等级、依据和核实情况。

# %%
national = load_pack("national")
print(national.header.name, national.header.version, len(national.rules), "条规则")
pd.Series([rule.level for rule in national.rules.values()]).value_counts()

# %%
print("\n".join(described(national, "UDB-08")))

# %% [markdown]
# ## 2 先用全国规则核对 · With national rules first
# 取四个光伏、风电项目和一条穿过红线的牧道。

# %%
plan = cl.open_plan(demo / "规划" / "plan.toml")
files = [str(demo / "申请" / f"演示_{number:03}_*.txt") for number in (1, 2, 3, 4, 20)]
parcels = cl.read_parcels(files)
before = cl.check(parcels, plan, as_of="2026-11-21")


def levels(result: cl.CheckResult) -> pd.DataFrame:
    """Return the level of each project and line (等级), and the rules that set it."""
    rows = result.verdicts[(result.verdicts["scope"] == "project") & result.verdicts["decisive"]]
    projects = result.projects.assign(name=result.projects["name"].fillna(result.projects["project_id"]))
    rows = rows.merge(projects[["project_id", "name"]], left_on="subject_id", right_on="project_id")
    return rows[["subject_id", "name", "kind", "level", "rule_id", "sentence"]]


levels(before)[["name", "kind", "level", "rule_id"]]

# %% [markdown]
# ## 3 写规则包 · Writing the pack
# 只写增加的和改动的。`extends = "national"`；已有编号只改写出的键；句中的数字只能写 `{outside}` 这样的记号，
# 由报表统一印出。

# %%
PACK = """
[pack]
id = "tuokexun"
name = "托克逊县规则包（示例）"
version = "2026-11"
source = "示例，文件为虚构"
extends = "national"

[classes.nature_reserve]          # 本县自然保护地数据仍用旧分区名称
core = ["核心区", "缓冲区"]
general = ["实验区"]

[documents.TKX2026]
title = "托克逊县光伏项目用地管理细则"
number = "托政发〔2026〕12号"
issuer = "托克逊县人民政府"
in_force_from = 2026-07-01
confidence = "V"

[rules.TKX-01]                    # 增加：边界外 200 公顷以上的光伏项目
title = "边界外大型光伏项目须附县级论证"
line = "urban_boundary"
where = { side = "outside", above_m2 = 2000000 }
project = { fact = "category", equals = "photovoltaic" }
level = "approval"
authority = "县人民政府"
requires = ["县级选址论证报告"]
overrides = ["UDB-08"]
basis = [{ document = "TKX2026", article = "第六条", verification = "V" }]
zh = { fact = "光伏项目位于城镇开发边界外{outside}", conclusion = "须附县级选址论证报告，报县人民政府批准" }
en = { fact = "a photovoltaic project takes {outside} outside", conclusion = "needs the county's approval" }

[rules.ER-05]                     # 改动：材料多一项
requires = ["符合生态保护红线内允许有限人为活动的认定意见", "县级公示材料"]
"""
path = work / "托克逊县规则包.toml"
path.write_text(PACK, encoding="utf-8")
pack = load_pack(path)
print("增加：", pack.added)
print("改动：", "；".join(f"{change.entry}（{'、'.join(change.keys)}）" for change in pack.changes))

# %% [markdown]
# ## 4 写错了会怎样 · When it is wrong
# 有错的规则包什么都不会判定：所有错误一次列出，写明行号和键。命令行是 `controllines rules validate
# 托克逊县规则包.toml`。

# %%
wrong = work / "写错的.toml"
wrong.write_text(PACK.replace('"approval"', '"aproval"').replace("overrides", "override"), encoding="utf-8")
try:
    load_pack(wrong)
except cl.ControlLinesError as error:
    for finding in (*error.causes, error.finding):
        print(f"第 {finding.layer} 行 {finding.feature}：{finding.message}")

# %% [markdown]
# ## 5 用本县规则核对 · With the county's rules
# 面积不变，只有判定随规则变。

# %%
after = cl.check(parcels, plan, as_of="2026-11-21", options=cl.CheckOptions(rules=str(path)))
assert after.overlaps["conflict_m2"].equals(before.overlaps["conflict_m2"])
both = levels(before).merge(levels(after), on=["subject_id", "name", "kind"], suffixes=("_全国", "_本县"))
changed = both[both["rule_id_全国"] != both["rule_id_本县"]]
changed[["name", "kind", "level_全国", "rule_id_全国", "level_本县", "rule_id_本县"]]

# %%
for sentence in changed["sentence_本县"]:
    print(sentence)

# %% [markdown]
# 大于 200 公顷的光伏项目改为须报批准；不到 200 公顷的仍按全国规则：

# %%
outside = after.project_overlaps.merge(
    levels(after).query("kind == 'urban_boundary'"), left_on=["project_id", "kind"], right_on=["subject_id", "kind"]
).sort_values("conflict_m2")
colours = {"conditional": "#e0a526", "approval": "#d9822b", "prohibited": "#b3261e", "undetermined": "#7a8590"}
zh = {"conditional": "须落实条件", "approval": "须报批准", "prohibited": "应调整选址", "undetermined": "待核实"}
with plt.rc_context({"font.family": chinese_font(), "figure.dpi": 110}):
    figure, axis = plt.subplots(figsize=(8, 2.8), layout="constrained")
    axis.barh(outside["name"], outside["conflict_m2"] / 1e4, color=outside["level"].map(colours), height=0.6)
    axis.axvline(200, color="#22303a", ls="--", lw=1)
    axis.text(203, -0.35, "TKX-01：200 公顷", fontsize=8)
    for y, (area, level) in enumerate(zip(outside["conflict_m2"] / 1e4, outside["level"], strict=True)):
        axis.text(
            area + 4,
            y,
            f"{area:,.2f}　{zh[level]}",
            va="center",
            fontsize=8,
            bbox={"fc": "white", "ec": "none", "pad": 0.6},
        )
    axis.set_xlim(0, outside["conflict_m2"].max() / 1e4 * 1.25)
    axis.set_xlabel("城镇开发边界外面积（公顷，椭球面积）", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# ## 6 逐条件说明 · Why
# `controllines rules explain 核对结果 DEMO2026002-1` 印出每条规则、每个条件的判定和所用的数字。
# 成果的“规则”一项写明规则包名称、版本、校验码
# 以及与全国规则包的差别，别人拿到成果就知道用的是哪一套规则。

# %%
print(after)
out = work / "核对结果"
cl.write_report(after, out)
after.provenance["rule_pack"]
