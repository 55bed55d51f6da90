"""plan.toml: every key has its type, errors name file and key, and its checksum tells nothing secret."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from controllines.datum import SevenParameters
from controllines.errors import PlanError
from controllines.planfile import LayerSpec, kind_key, parse, spec_checksum
from tests.plan_files import RED


def test_keys_become_values_of_their_type(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(f'[plan]\nvalid_from = 2024-06-29\n[aliases]\n"夏乡" = "夏镇"\n{RED}crs = "EPSG:4518"\n'
                    'datum = "as_is"\nfields = { id = "编号" }\n', encoding="utf-8")  # fmt: skip
    file = parse(path)
    assert (file.plan.valid_from, file.plan.valid_to) == (dt.date(2024, 6, 29), None)
    assert file.aliases == {"夏乡": "夏镇"}
    reading = file.layers["ecological_redline"].reading
    assert (reading.crs, reading.datum, dict(reading.fields)) == ("EPSG:4518", "as_is", {"id": "编号"})


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(RED, encoding="utf-8-sig")
    assert list(parse(path).layers) == ["ecological_redline"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(RED.encode("gbk"), "UTF-8"), ((RED + "colour = 1\n").encode(), "layers.ecological_redline.colour"),
     (b"[plan\n", "line 1")],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_and_place(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(content)
    with pytest.raises(PlanError, match="PLAN_TOML") as raised:
        parse(path)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)


def test_kinds_go_by_key_and_by_chinese_name() -> None:
    assert kind_key("生态保护红线", None) == kind_key("ecological_redline", None) == "ecological_redline"
    with pytest.raises(PlanError, match="KIND_UNKNOWN"):
        kind_key("红线", None)


def test_the_checksum_follows_what_is_said_and_not_where_the_file_lies() -> None:
    here, there = (LayerSpec(path=path, version="2022") for path in ("a.gpkg", "b/a.gpkg"))
    assert spec_checksum(here) == spec_checksum(there)
    assert spec_checksum(here) != spec_checksum(here.model_copy(update={"version": "2023"}))


def test_the_checksum_follows_seven_parameters_and_nothing_shows_them() -> None:
    one, other = (
        LayerSpec(path="a", to_cgcs2000=SevenParameters(dx=x, dy=0, dz=0, rx=0, ry=0, rz=0, scale_ppm=0,
                                                        convention="coordinate_frame"))
        for x in (123.456, 123.457)
    )  # fmt: skip
    assert spec_checksum(one) != spec_checksum(other)
    assert "123" not in f"{one!r}{one.model_dump()['to_cgcs2000'].keys()}"
