"""The files of the demo county: plan.toml, the GeoPackage, and applications as a county office receives them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

from controllines.crs import LONLAT as LONLAT_CODE
from controllines.crs import to_lonlat
from controllines.demo.applications import Application, Plot
from controllines.demo.county import County
from controllines.demo.mesh import DECIMALS, settings
from controllines.io.dated import dated
from controllines.io.writers.survey import point_lines
from controllines.kinds import registry
from controllines.units import half_up

GPKG = "三区三线_演示.gpkg"
README = "说明.md"


def write_plan(folder: Path, county: County) -> Path:
    """Write the GeoPackage and plan.toml; return the path of plan.toml."""
    folder.mkdir(parents=True)
    notice = settings()["notice"]
    with dated(settings()["date"]):
        for kind, frame in county.layers.items():
            pyogrio.write_dataframe(
                frame, folder / GPKG, layer=settings()["tables"][kind][0], driver="GPKG",
                append=(folder / GPKG).exists(), layer_metadata={"notice": notice},
                layer_options={"SPATIAL_INDEX": "NO", "DESCRIPTION": f"{registry()[kind].zh}（{notice}）",
                               "IDENTIFIER": registry()[kind].zh},
            )  # fmt: skip
    path = folder / "plan.toml"
    path.write_text(_plan_toml(county), encoding="utf-8", newline="\n")
    return path


def _plan_toml(county: County) -> str:
    demo, plan = settings(), settings()["plan"]
    lines = [
        f"# {demo['notice']}。乡镇名称与代码为真实名称，所有图形均为程序生成。",
        "[plan]",
        f'name = "{plan["name"]}"',
        f'version = "{plan["version"]}"',
        f'county = "{demo["code"]}"',
        f"valid_from = {plan['valid_from'].isoformat()}",
        "synthetic = true",
    ]
    for kind in county.layers:
        lines += [
            "",
            f"[layers.{kind}]  # {registry()[kind].zh}",
            f'path = "{GPKG}"',
            f'layer = "{demo["tables"][kind][0]}"',
            f'version = "{plan["version"]}"',
            f"as_at = {demo['year']}-12-31",
            f'source = "{plan["source"]}"',
        ]
    return "\n".join(lines) + "\n"


def write_applications(folder: Path, applications: list[Application]) -> None:
    """Write all applications, each in its format."""
    folder.mkdir(parents=True)
    for application in applications:
        if application.format == "txt":
            _write_txt(folder, application)
    writers = {"shp": _write_shp, "gpkg": _write_gpkg, "geojson": _write_geojson}
    for form, write in writers.items():
        rows = [application for application in applications if application.format == form]
        write(folder / rows[0].file, rows)


def _write_txt(folder: Path, application: Application) -> None:
    text = "\r\n".join(_txt_lines(application)) + "\r\n"
    if application.spec.get("broken"):
        text = text[: text.rindex("J3,") + 12]  # the transfer broke off inside a northing
    data = text.encode(application.spec.get("encoding", "gbk"))
    (folder / f"{application.file}.txt").write_bytes(data)


def _txt_lines(application: Application) -> list[str]:
    demo = settings()
    head = []
    if application.spec.get("info"):
        head = ["[项目信息]", f"项目编号={application.number}", f"项目名称={application.name}"]
        head.append(f"备注={demo['notice']}")
    head += [
        "[属性描述]",
        "格式版本号=1.01版本",
        f"数据产生单位={demo['name']}演示单位（{demo['notice']}）",
        f"数据产生日期={demo['date'].isoformat()}",
        "坐标系=2000国家大地坐标系",
        "几度分带=3",
        "投影类型=高斯克吕格",
        "计量单位=米",
        f"带号={application.zone}",
        "精度=0.001",
        "转换参数=,,,,,,",
        "[地块坐标]",
    ]
    return head + [line for plot in application.plots for line in _plot_lines(application, plot)]


def _plot_lines(application: Application, plot: Plot) -> list[str]:
    lines = list(point_lines(plot.geom, 3))
    middle = np.array(plot.geom.representative_point().coords)
    sheet = sheet_number(*to_lonlat(application.crs, middle)[0])
    code = settings()["uses"][plot.use]
    return [
        f"{len(lines)},{half_up(plot.declared_m2, '公顷', 4)},{plot.id},{plot.name},面,{sheet},{plot.use},{code},@",
        *lines,
    ]


def sheet_number(lon: float, lat: float) -> str:
    """Return the number of the 1:10 000 map sheet (图幅号, GB/T 13989-2012) of a place in degrees."""
    row = 96 - int(lat % 4 / (2.5 / 60))
    column = int(lon % 6 / (3.75 / 60)) + 1
    return f"{'ABCDEFGHIJKLMNOPQRSTUV'[int(lat // 4)]}{int(lon // 6) + 31}G{row:03d}{column:03d}"


def _square_metres(plot: Plot) -> float:
    """Return the declared area as databases hold it; only a TXT counts in 公顷."""
    return float(half_up(plot.declared_m2, "平方米", 2))


def _frame(applications: list[Application]) -> gpd.GeoDataFrame:
    plots = [(application, plot) for application in applications for plot in application.plots]
    data = {
        "DKBH": [plot.id for _, plot in plots],
        "DKMC": [plot.name for _, plot in plots],
        "XMBH": [application.number for application, _ in plots],
        "XMMC": [application.name for application, _ in plots],
        "YT": [plot.use for _, plot in plots],
        "DKMJ": [_square_metres(plot) for _, plot in plots],
        "BZ": settings()["notice"],
    }
    return gpd.GeoDataFrame(data, geometry=[plot.geom for _, plot in plots], crs=applications[0].crs.crs)


def _write_shp(stem: Path, applications: list[Application]) -> None:
    with TemporaryDirectory() as name:
        shp = Path(name) / f"{stem.name}.shp"
        day = settings()["date"]
        pyogrio.write_dataframe(_frame(applications), shp, driver="ESRI Shapefile", encoding="GBK",
                                layer_options={"DBF_DATE_LAST_UPDATE": day.isoformat()})  # fmt: skip
        with zipfile.ZipFile(f"{stem}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(name).iterdir()):
                entry = zipfile.ZipInfo(path.name, (day.year, day.month, day.day, 0, 0, 0))
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def _write_gpkg(stem: Path, applications: list[Application]) -> None:
    with dated(settings()["date"]):
        pyogrio.write_dataframe(
            _frame(applications), Path(f"{stem}.gpkg"), layer=stem.name, driver="GPKG",
            layer_options={"DESCRIPTION": settings()["notice"]},
        )  # fmt: skip


def _write_geojson(stem: Path, applications: list[Application]) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {
                "parcel_id": plot.id, "name": plot.name, "project_id": application.number,
                "XMMC": application.name, "YT": plot.use, "DKMJ": _square_metres(plot),
            },
            "geometry": {
                "type": "Polygon",
                "coordinates": [np.round(shapely.get_coordinates(ring), DECIMALS).tolist()
                                for ring in (plot.geom.exterior, *plot.geom.interiors)],
            },
        }
        for application in applications
        for plot in application.plots
    ]  # fmt: skip
    collection = {
        "type": "FeatureCollection",
        "name": stem.name,
        "description": settings()["notice"],
        "crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{LONLAT_CODE.replace(':', '::')}"}},
        "features": features,
    }
    text = json.dumps(collection, ensure_ascii=False, indent=1)
    Path(f"{stem}.geojson").write_text(text + "\n", encoding="utf-8", newline="\n")


def write_readme(folder: Path, *, size: str, seed: int) -> None:
    """Write 说明.md beside the plan and the applications."""
    demo = settings()
    targets = "、".join(f"{registry()[kind].zh} {value:.2f} 平方公里" for kind, value in demo["targets"].items())
    text = f"""# {demo["name"]}演示县（{demo["notice"]}）

本文件夹由程序生成（size = {size}，seed = {seed}），所有图形、项目和单位均为虚构，不得用于任何实际工作。
真实的只有乡镇名称与代码，以及三条控制线的公布总面积：{targets}（图斑椭球面积，误差不超过 0.01 平方公里）。

- `规划/plan.toml`、`规划/{GPKG}`：控制线、行政区、规划分区、地类图斑（CGCS2000 经纬度，EPSG:4490）
- `申请/`：用地申请（TXT 多为 GBK 编码；另有 shp 压缩包、gpkg、geojson），其中有意放入一个残缺文件、一个重复编号、
  一个申报面积不符、一个超出县界、一个跨 3° 带、一个带内环、一个与红线仅接边、一个与红线重叠 1 毫米的地块
- `申请/project.toml`：部分项目的项目信息（项目类别、办理阶段等），其余留空，核对时会提出要补充的问题
- `批件/`：认定意见、论证意见的范围和补划地块，有足够的，也有不足的

Synthetic demo data, generated by `controllines demo`. Township names and codes and the published totals are real,
everything else is invented.
"""
    (folder / README).write_text(text, encoding="utf-8", newline="\n")
