"""Names of units that may mean one: proposed, never joined."""

from __future__ import annotations

from pathlib import Path

import pytest

from controllines.layers import read_layer
from controllines.plans import open_plan
from controllines.variants import alike, with_variants
from tests.builders import here, layer


@pytest.mark.parametrize(
    ("one", "other"),
    [("夏乡", "夏镇"), ("夏玛勒乡", "夏马勒乡"), ("夏玛勒乡", "夏马勒镇"), ("阿热勒村", "阿热勒村委会"),
     ("博斯坦街道", "博斯坦街道办事处"), ("库米什镇", "库木什镇")],
)  # fmt: skip
def test_variants(one: str, other: str) -> None:
    assert alike([other, one, "托克逊镇"]) == [tuple(sorted((one, other)))]


@pytest.mark.parametrize(
    "names",
    [("东村", "西村"), ("东风村", "西风村"), ("一大队", "二大队"), ("夏乡", "伊乡"), ("上阿图什乡", "下阿图什乡"),
     ("乡", "镇"), ("夏乡", "夏乡"), ("郭勒布依乡", "伊拉湖镇"), ("阿热勒1村", "阿热勒2村")],
)  # fmt: skip
def test_neighbours_that_are_two(names: tuple[str, str]) -> None:
    assert alike(names) == []


def test_many_names() -> None:
    assert alike(f"村庄{chr(0x4E00 + n)}{chr(0x5E00 + n)}村" for n in range(5000)) == []


def test_units_with_a_code_and_zones_are_left_alone() -> None:
    boxes = [here(0, 0, 50, 50), here(50, 0, 99, 50)]
    coded = layer(boxes, XZQDM=["650422100", "650422101"], XZQMC=["夏乡", "夏镇"])
    assert not [f for f in with_variants(read_layer(coded, "township")).findings if f.code == "UNIT_NAME_VARIANT"]
    zones = layer(boxes, GHFQMC=["农业发展区", "林业发展区"])
    assert not [f for f in with_variants(read_layer(zones, "planning_zone")).findings if f.code == "UNIT_NAME_VARIANT"]


def test_a_plan_proposes_the_line_of_plan_toml_that_joins_them(tmp_path: Path) -> None:
    boxes = [here(0, 0, 50, 50), here(50, 0, 99, 50)]
    layer(boxes, XZQMC=["夏乡", "夏镇"]).to_file(tmp_path / "乡.gpkg")
    layer(boxes[:1], BSM=["1"]).to_file(tmp_path / "red.gpkg")
    text = '[layers.township]\npath = "乡.gpkg"\n[layers.ecological_redline]\npath = "red.gpkg"\n'
    for more, told in (("", 1), ('[aliases]\n"夏乡" = "夏镇"\n', 0)):
        (tmp_path / "plan.toml").write_text(text + more, encoding="utf-8")
        plan = open_plan(tmp_path / "plan.toml")
        found = [item for item in plan.layers["township"].findings if item.code == "UNIT_NAME_VARIANT"]
        assert len(found) == told
        assert all('"夏乡" = "夏镇"' in item.fix for item in found)
