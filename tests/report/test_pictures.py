"""Which shapes the picture of a result shows."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

import controllines as cl
from controllines.errors import UsageError
from controllines.report.maps import MapLayers, Shape
from controllines.report.pictures import scene_of
from tests.builders import FARM, here, layer, make_plan, parcels

BOX = shapely.box(88.5, 42.8, 88.51, 42.81)
NAMES = {"permanent_farmland": "永久基本农田", "urban_boundary": "城镇开发边界"}


def shapes() -> MapLayers:
    made = {key: Shape(key, "", "", BOX) for key in "abc"}
    return MapLayers(
        parcels=tuple(made.values()),
        pieces=(Shape("a", FARM, "0102", BOX), Shape("a", "urban_boundary", "", BOX), Shape("b", FARM, "0102", BOX)),
        outside=(Shape("a", "urban_boundary", "", BOX),),
        lines=(Shape("f1", FARM, "0102", BOX),),
    )


def test_a_picture_shows_its_own_conflicts_and_the_others_quietly() -> None:
    scene = scene_of(shapes(), ["a"], NAMES, banners=("合成数据，仅供演示",))
    assert len(scene.focus) == 1
    assert len(scene.others) == 2
    assert {kind: len(geoms) for kind, geoms in scene.conflicts.items()} == {FARM: 1, "urban_boundary": 1}
    assert scene.within == {"urban_boundary"}
    assert scene.labels == ()
    assert scene.caption.splitlines() == ["示意图，不作为定位依据", "合成数据，仅供演示"]


def test_several_parcels_are_numbered() -> None:
    assert scene_of(shapes(), ["a", "c"], NAMES).labels == ("1", "2")


@pytest.fixture(scope="module")
def checked() -> cl.CheckResult:
    plan = make_plan(permanent_farmland=[here(50, -10, 400, 400)], township=[here(-500, -500, 2000, 2000)])
    land = parcels(here(0, 0, 100, 100), here(300, 0, 350, 80))
    return cl.check(land, plan, as_of="2026-11-21")


def test_plot_draws_one_parcel_or_all(checked: cl.CheckResult) -> None:
    assert cl.plot(checked, "a").png(dpi=60)[:8] == b"\x89PNG\r\n\x1a\n"
    assert cl.plot(checked)._repr_png_()[:4] == b"\x89PNG"


def test_plot_names_an_unknown_parcel(checked: cl.CheckResult) -> None:
    with pytest.raises(UsageError, match="zz") as caught:
        cl.plot(checked, "zz")
    assert caught.value.finding.code == "PICTURE_UNKNOWN"


def test_plot_of_a_table_shows_the_printed_figures() -> None:
    units = layer([here(-500, -500, 200, 2000), here(200, -500, 2000, 2000)], XZQDM=["650422100", "650422101"],
                  XZQMC=["甲镇", "乙乡"])  # fmt: skip
    plan = make_plan(permanent_farmland=[here(50, -10, 400, 400)], township=units)
    table = cl.tabulate(plan, of=["永久基本农田"], by=["乡镇"])
    made = cl.plot(table, how="bars")
    printed = table.pivot().loc[["甲镇", "乙乡"]].iloc[:, 0]
    assert np.allclose([bar.get_width() for bar in made.axes[0].patches], printed)
    assert cl.plot(table, how="map", plan=plan).png(dpi=50)[:4] == b"\x89PNG"
    with pytest.raises(UsageError, match="plan"):
        cl.plot(table, how="map")
    with pytest.raises(UsageError, match="how"):
        cl.plot(table, how="pie")
