"""Columns by role: the official field or the chosen one, ids and codes as text, own columns kept."""

from __future__ import annotations

import pandas as pd
import pytest

from controllines.errors import UsageError
from controllines.kinds import kind_of
from controllines.roles import as_code, as_text, feature_ids, in_roles

REDLINE = kind_of("ecological_redline")


def test_official_fields_are_found_whatever_their_case() -> None:
    frame = pd.DataFrame({"bsm": ["r1"], "Lhlx": ["水源涵养"], "MC": ["天山"]})
    assert feature_ids(REDLINE, frame, {}).tolist() == ["r1"]
    assert in_roles(REDLINE, frame, {})[["class", "name"]].iloc[0].tolist() == ["水源涵养", "天山"]


def test_chosen_fields_replace_official_ones() -> None:
    frame = pd.DataFrame({"BSM": ["x"], "编号": ["9"], "类型": ["防风固沙"], "LHLX": ["no"]})
    fields = {"id": "编号", "class": "类型"}
    assert feature_ids(REDLINE, frame, fields).tolist() == ["9"]
    assert in_roles(REDLINE, frame, fields)["class"].tolist() == ["防风固沙"]


def test_a_chosen_field_that_is_not_there_is_an_error_listing_the_fields() -> None:
    with pytest.raises(UsageError, match="FIELD_MISSING") as raised:
        feature_ids(REDLINE, pd.DataFrame({"BSM": ["x"]}), {"id": "编号"})
    assert "BSM" in raised.value.finding.fix


def test_without_id_field_the_row_is_the_id() -> None:
    assert feature_ids(REDLINE, pd.DataFrame(index=range(2)), {}).tolist() == ["row:1", "row:2"]


def test_blank_ids_fall_back_to_the_row_and_numbers_lose_their_point() -> None:
    assert feature_ids(REDLINE, pd.DataFrame({"BSM": [7.0, None, 9.0]}), {}).tolist() == ["7", "row:2", "9"]


def test_whole_numbers_are_codes_and_others_keep_their_digits() -> None:
    assert as_text(pd.Series([650422.0, 2.5, None])).tolist() == ["650422", "2.5", ""]
    assert as_text(pd.Series([" a ", None, 3], dtype=object)).tolist() == ["a", "", "3"]


def test_full_width_codes_become_plain_and_words_stay() -> None:
    assert as_code(pd.Series(["１２３－４", "Ａ０１　", "水田"])).tolist() == ["123-4", "A01", "水田"]
    named = in_roles(REDLINE, pd.DataFrame({"LHLX": ["０１０１"], "MC": ["Ａ区（一）"]}), {})
    assert named[["class", "name"]].iloc[0].tolist() == ["0101", "Ａ区（一）"]  # names are printed as they are written


@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [("township", "650422100000", "650422100"), ("township", "650422100", "650422100"),
     ("village", "650422100201000", "650422100201"), ("county", "650422", "650422"), ("planning_zone", "100", "100")],
)  # fmt: skip
def test_codes_are_cut_to_the_length_of_the_unit(kind: str, code: str, expected: str) -> None:
    column = "GHFQDM" if kind == "planning_zone" else "XZQDM"
    assert in_roles(kind_of(kind), pd.DataFrame({column: [code]}), {})["code"].tolist() == [expected]


def test_township_code_comes_from_zldwdm_only_without_xzqdm() -> None:
    both = pd.DataFrame({"ZLDWDM": ["650422999999"], "XZQDM": ["650422100"]})
    assert in_roles(kind_of("township"), both, {})["code"].tolist() == ["650422100"]
    one = pd.DataFrame({"ZLDWDM": ["650422101000"]})
    assert in_roles(kind_of("township"), one, {})["code"].tolist() == ["650422101"]


def test_own_columns_that_share_a_name_are_kept_behind() -> None:
    named = in_roles(REDLINE, pd.DataFrame({"BSM": ["r1"], "status": ["现状"], "name": ["x"]}), {})
    assert named["status_"].tolist() == ["现状"]
    assert "status" not in named  # the layer's own
    assert "BSM" in named


def test_kcxs_is_a_number_or_unknown() -> None:
    named = in_roles(kind_of("permanent_farmland"), pd.DataFrame({"KCXS": ["0.1", "无", None]}), {})
    assert named["kcxs"].isna().tolist() == [False, True, True]
    assert named["kcxs"].iloc[0] == 0.1
    assert in_roles(REDLINE, pd.DataFrame({"BSM": ["1"]}), {})["kcxs"].isna().all()


def test_what_is_missing_is_none_and_never_a_number() -> None:
    """A code that is NaN among texts made a table of land use fail that had one feature without class."""
    frame = pd.DataFrame({"LHLX": ["水源涵养", None, " "], "MC": [None, "天山", "天山"]})
    named = in_roles(REDLINE, frame, {})
    assert named["class"].tolist() == ["水源涵养", None, None]
    assert named["name"].tolist() == [None, "天山", "天山"]
    assert named["code"].tolist() == [None, None, None]
