from __future__ import annotations

import dataclasses

import pandas as pd

from controllines.report.model import build


def test_title_of_all_three(report):
    assert report.title == "三条控制线套合核对"
    assert report.banners == ("合成数据，仅供演示",)


def test_worst_look_and_reason_of_the_excluded(report):
    looks = {row.parcel_id: row.look for row in report.parcels}
    assert [looks[f"TKX-00{n}"] for n in range(1, 9)] == [
        "none", "conflict", "conflict", "outside", "undetermined", "undetermined", "undetermined", "conflict",
    ]  # fmt: skip
    assert (looks["TKX-011"], report.parcels[-1].reason) == ("excluded", "要素 TKX-011 没有面积（3），已排除")


def test_nulls_of_pandas_do_not_matter(make_result):
    result = make_result()
    parcels = result.parcels.astype({"name": "string", "declared_id": "string"})
    overlaps = result.overlaps.convert_dtypes()
    assert overlaps["area_m2"].dtype == pd.Float64Dtype()
    assert build(dataclasses.replace(result, parcels=parcels, overlaps=overlaps)).parcels == build(result).parcels
