"""Plans: plan.toml with its errors, official table names, dictionaries; what fails is named."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from controllines.crs import Plane
from controllines.errors import ControlLinesError, PlanError
from controllines.plans import Plan, checksum, open_plan, unit_kinds
from controllines.stats import tabulate
from tests.plan_files import RED, database, frame, toml


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return database(tmp_path)


def refused(data: Path, text: str) -> str:
    with pytest.raises(PlanError) as raised:
        open_plan(toml(data, text))
    found = raised.value.finding
    assert found.severity == "error"
    assert found.fix
    return f"{found.code} {found.message}"


# --- plan.toml ------------------------------------------------------------------------------------------------


def test_everything_that_plan_toml_may_say(data: Path) -> None:
    text = """
[plan]
name = "总体规划"
version = "2024-06"
county = "650422"
valid_from = 2024-06-29
valid_to = 2035-12-31
[aliases]
"夏乡" = "夏镇"
[layers."生态保护红线"]
path = "三区三线.gpkg"
layer = "STBHHX"
fields = { id = "LHLX" }
version = "2022年批准启用成果"
as_at = 2025-12-31
source = "自治区下发"
approval = "喀署复〔2024〕42号"
accept_excluded = ["7"]
coverage = "township"
[layers.township]
path = '.\\三区三线.gpkg'
[layers."custom:砂场"]
path = "三区三线.gpkg"
layer = "备注"
sense = "stay_within"
"""
    plan = open_plan(toml(data, text))
    assert (plan.name, plan.version, plan.county) == ("总体规划", "2024-06", "650422")
    assert (plan.spec.valid_from, plan.spec.valid_to) == (dt.date(2024, 6, 29), dt.date(2035, 12, 31))
    assert list(plan.layers) == ["ecological_redline", "township", "custom:砂场"]
    spec = plan.specs["ecological_redline"]
    assert (spec.version, spec.as_at, spec.source) == ("2022年批准启用成果", dt.date(2025, 12, 31), "自治区下发")
    assert (spec.approval, spec.accept_excluded) == ("喀署复〔2024〕42号", ["7"])
    assert plan.layers["ecological_redline"].frame["feature_id"].tolist() == ["水源涵养"]
    assert plan.coverage["ecological_redline"].zh == "乡镇"
    assert [kind.key for kind in plan.lines()] == ["ecological_redline", "custom:砂场"]
    assert plan.kind("custom:砂场").sense == "stay_within"
    assert plan.plane == Plane(89, 43)  # the middle 88.505, 42.805 to whole degrees
    assert list(unit_kinds(plan)) == ["township"]
    assert not plan.failed


def test_arguments_replace_what_the_file_says(data: Path) -> None:
    path = toml(data, '[plan]\nname = "a"\nversion = "1"\ncounty = "650421"\n' + RED)
    plan = open_plan(path, county="650422", version="2")
    assert (plan.name, plan.version, plan.county) == ("a", "2", "650422")


def test_opening_a_plan_gives_the_plan(data: Path) -> None:
    plan = open_plan(data)
    assert open_plan(plan) is plan


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (RED + 'colour = "red"\n', "PLAN_TOML", "layers.ecological_redline.colour"),
        ('[plan]\ntitle = "x"\n' + RED, "PLAN_TOML", "plan.title"),
        ("[plan]\ncounty = 650422\n" + RED, "PLAN_TOML", "plan.county"),
        (RED + "accept_excluded = 7\n", "PLAN_TOML", "layers.ecological_redline.accept_excluded"),
        (RED + 'as_at = "去年"\n', "PLAN_TOML", "layers.ecological_redline.as_at"),
        ('[layers.ecological_redline]\npath = "D:\\三线\\三区.gdb"\n', "PLAN_TOML", "D:/数据/三线.gdb"),
        ('[layers.ecological_redline]\npath = "规划\\temp\\new.gdb"\n', "PLAN_TOML", "D:/数据/三线.gdb"),
        (RED + 'fields = { id = 3 }\n', "PLAN_TOML", "layers.ecological_redline.fields.id"),
        (RED + 'datum = "as-is"\n', "PLAN_TOML", "layers.ecological_redline.datum"),
        (RED + 'sense = "inside"\n', "PLAN_TOML", "layers.ecological_redline.sense"),
        ('[layers.ecological_redline]\nlayer = "STBHHX"\n', "PLAN_TOML", "layers.ecological_redline.path"),
        ('[plan]\nname = "x"\n', "PLAN_TOML", "layers"),
        ("[plan\n", "PLAN_TOML", "line 1"),
        ('[plan]\nname = "a"\nname = "b"\n', "PLAN_TOML", "line 3"),
        (RED.replace("ecological_redline", "red_line"), "KIND_UNKNOWN", "red_line"),
        (RED.replace("ecological_redline", '"custom:砂场"'), "KIND_NEEDS_SENSE", "custom:砂场"),
        (RED + 'coverage = "county"\n', "COVERAGE_MISSING", "county"),
        (RED + 'coverage = "县里"\n', "KIND_UNKNOWN", "县里"),
        (RED + RED.replace("ecological_redline", '"生态保护红线"'), "PLAN_TWO_TABLES", "生态保护红线"),
        (RED + 'edges_straight_in = "4518号"\n', "PLAN_EMPTY", "4518号"),
        ("layers = {}\n", "PLAN_EMPTY", "没有图层"),
    ],
)  # fmt: skip
def test_errors_of_plan_toml_name_the_key(data: Path, text: str, code: str, said: str) -> None:
    message = refused(data, text)
    assert message.startswith(code)
    assert said in message


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="PLAN_NOT_FOUND"):
        open_plan(tmp_path / "plan.toml")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ('path = "没有.gpkg"', "没有.gpkg"),
        ('path = "三区三线.gpkg"\nlayer = "STBHHX2"', "STBHHX2"),
        ('path = "三区三线.gpkg"\nlayer = "STBHHX"\ncrs = "EPSG:4518"', "EPSG:4518"),
        ('path = "三区三线.gpkg"\nlayer = "STBHHX"\ncrs = "EPSG:999999"', "EPSG:999999"),
        ('path = "三区三线.gpkg"\nlayer = "STBHHX"\nedges_straight_in = "4518号"', "4518号"),
        ('path = "三区三线.gpkg"\nlayer = "STBHHX"\nfields = { id = "编号" }', "编号"),
    ],
)  # fmt: skip
def test_a_layer_that_cannot_be_used_fails_alone_and_by_name(data: Path, spec: str, said: str) -> None:
    text = f'[layers.ecological_redline]\n{spec}\n[layers.urban_boundary]\npath = "三区三线.gpkg"\nlayer = "CZKFBJ"\n'
    plan = open_plan(toml(data, text))
    assert list(plan.layers) == ["urban_boundary"]
    (found,) = plan.failed.values()
    assert found.code == "PLAN_LAYER_FAILED"
    assert found.message.startswith("生态保护红线图层无法使用")
    assert said in f"{found.source} {found.message}"
    assert found.fix
    assert found in plan.all_findings
    assert [kind.key for kind in plan.lines()] == ["ecological_redline", "urban_boundary"]


def test_a_line_without_version_is_a_finding(data: Path) -> None:
    urban = '[layers.urban_boundary]\npath = "三区三线.gpkg"\nlayer = "CZKFBJ"\nversion = "2022"\n'
    plan = open_plan(toml(data, RED + urban))
    assert [(f.code, f.layer) for f in plan.findings] == [("LAYER_NO_VERSION", "生态保护红线")]


def test_paths_are_relative_to_plan_toml(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml(data, RED)
    monkeypatch.chdir(data.parent)
    assert list(open_plan("plan.toml").layers) == ["ecological_redline"]
    monkeypatch.chdir("/")
    assert list(open_plan(data.parent / "plan.toml").layers) == ["ecological_redline"]
    text = RED.replace("三区三线.gpkg", data.as_posix())
    assert list(open_plan(toml(data, text)).layers) == ["ecological_redline"]


def test_a_geodatabase_of_the_office(shared: Path) -> None:
    path = shared / "data/derived_cn_fixtures/三区三线_测试.gdb"
    plan = open_plan(path)
    assert list(plan.layers) == ["ecological_redline", "county"]
    assert [plan.layers[key].crs[0].name for key in plan.layers] == ["EPSG:4514", "EPSG:4490"]
    for layer in plan.layers.values():
        (origin,) = layer.origins
        assert origin.features_in == origin.used + origin.excluded == len(layer)
    assert plan.coverage["ecological_redline"].zh == "县级行政区"


def test_long_edges_declared_straight_in_the_gauss_plane_meet_those_drawn_there(shared: Path, tmp_path: Path) -> None:
    """The "redline" features are county outlines projected vertex by vertex; sides are up to 79 km long.

    Straight in lon/lat the two layers differ by up to 4 parts in 10 000; declared straight in the plane in which the
    other one is drawn, they are the same land.
    """
    text = f"""
[layers.ecological_redline]
path = "{(shared / "data/derived_cn_fixtures/三区三线_测试.gdb").as_posix()}"
[layers.county]
path = "{(shared / "data/derived_cn_fixtures/三区三线_测试.gdb").as_posix()}"
"""
    assert worst_agreement(open_plan(toml(tmp_path / "x", text))) < 0.9997
    assert worst_agreement(open_plan(toml(tmp_path / "x", text + 'edges_straight_in = "EPSG:4514"\n'))) > 1 - 1e-8


def worst_agreement(plan: Plan) -> float:
    """Common land as a share of all land, of the pair of the two layers that agrees least."""
    counties = plan.layers["county"].geoms
    return min(
        max(float(shapely.intersection(line, c).area / shapely.union(line, c).area) for c in counties)
        for line in plan.layers["ecological_redline"].geoms
    )


# --- coverage, plane, checksum --------------------------------------------------------------------------------


def coverage(plan: Plan) -> tuple[str, bool, float]:
    found = plan.coverage["ecological_redline"]
    return found.zh, found.bbox, float(shapely.area(found.shapes.geoms).sum())


def test_coverage_is_county_then_townships_then_the_box_of_the_layer() -> None:
    red, town, county = (frame((0, 0, 2, 2), (6, 6, 8, 8)), frame((0, 0, 4, 4), (4, 0, 8, 8)), frame((0, 0, 9, 9)))
    zh, bbox, whole = coverage(open_plan({"ecological_redline": red, "township": town, "county": county}))
    assert (zh, bbox) == ("县级行政区", False)
    zh, bbox, towns = coverage(open_plan({"ecological_redline": red, "township": town}))
    assert (zh, bbox) == ("乡镇", False)
    zh, bbox, box = coverage(open_plan({"ecological_redline": red}))
    assert (zh, bbox) == ("图层外接矩形", True)
    # 81, 48 and 64 cells of a thousandth of a degree; cells differ by 1.5 parts in 10 000 from south to north
    assert towns / whole == pytest.approx(48 / 81, rel=2e-4)
    assert box / whole == pytest.approx(64 / 81, rel=2e-4)


def test_the_checksum_follows_data_and_declarations(data: Path) -> None:
    first = checksum(open_plan(toml(data, RED)))
    assert checksum(open_plan(toml(data, RED))) == first
    assert checksum(open_plan(toml(data, RED + 'version = "2"\n'))) != first
    frame((0, 0, 4, 5), BSM=["r1"]).to_file(data, layer="STBHHX", engine="pyogrio")
    assert checksum(open_plan(toml(data, RED))) != first


def test_errors_of_a_plan_are_never_those_of_an_input(data: Path) -> None:
    """Exit code 4 is the plan's, 3 the applications'."""
    for text in ("[plan\n", RED.replace("STBHHX", "没有"), RED + 'edges_straight_in = "x"\n'):
        with pytest.raises(ControlLinesError) as raised:
            open_plan(toml(data, text))
        assert isinstance(raised.value, PlanError)


def test_aliases_join_variants_of_a_unit_name(tmp_path: Path) -> None:
    squares = gpd.GeoDataFrame(
        {"XZQMC": ["夏乡", "夏镇"]},
        geometry=[shapely.box(30385000, 4738000, 30385100, 4738100), shapely.box(30385100, 4738000, 30385200, 4738100)],
        crs="EPSG:4518",
    )
    line = gpd.GeoDataFrame(geometry=[shapely.box(30385000, 4738000, 30385200, 4738100)], crs="EPSG:4518")
    squares.to_file(tmp_path / "x.gpkg", layer="XZQ")
    line.to_file(tmp_path / "r.gpkg", layer="STBHHX")
    text = '[layers.township]\npath = "x.gpkg"\n[layers.ecological_redline]\npath = "r.gpkg"\n'
    for aliases, names in (("", ["夏乡", "夏镇"]), ('[aliases]\n"夏乡" = "夏镇"\n', ["夏镇"])):
        (tmp_path / "plan.toml").write_text(text + aliases, encoding="utf-8")
        table = tabulate(open_plan(tmp_path / "plan.toml"), of="生态保护红线", by="乡镇")
        assert table.frame["township"].tolist() == names
