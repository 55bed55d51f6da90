"""Standards: the tables hold together, codes are known by their list, versions by their marks."""

import pytest

from controllines.kinds import registry
from controllines.standards import alike, code_lists, list_version, tables


def test_the_tables_hold_together():
    lists = code_lists()
    for key, table in tables().kinds.items():
        assert key in registry()
        names = [name for field in table.fields for name in field.names]
        assert all(field.codes is None or field.codes in lists.lists for field in table.fields)
        assert table.confidence in ("V", "V-code", "K", "?")
        assert "BSM" in names
    assert set(lists.versions) <= set(lists.lists)
    for listed in lists.lists.values():
        assert listed.confidence in ("V", "V-code", "K", "?")
        assert all(name == name.strip() != "" for name in listed.codes.values())
    land_sea = lists.lists["land_sea"].codes
    assert (land_sea["2303"], land_sea["0204"], land_sea["1311"]) == ("田坎", "油料园地", "水工设施用地")


def test_a_longer_code_is_known_where_its_list_goes_by_the_first_four_digits():
    lists = code_lists().lists
    for name, listed in lists.items():
        code = next(one for one in listed.codes if len(one) == 4) if listed.prefix else next(iter(listed.codes))
        assert listed.knows(code), name
        assert listed.knows(f"{code}99") == (listed.prefix or f"{code}99".startswith(listed.open or "\0")), name
        assert not listed.knows("@@"), name


def test_names_agree_but_for_land_at_their_end():
    assert alike("工业", "工业用地")
    assert alike("草地", "草地")
    assert not alike("工业用地", "采矿用地")
    assert not alike("工业", "")


@pytest.mark.parametrize(
    ("pairs", "versions"),
    [
        ([("0205", "")], {"2023"}),
        ([("0603", "")], {"2020"}),
        ([("060401", "")], {"2020"}),
        ([("1313", ""), ("0101", "")], {"2020"}),
        ([("0204", "油料园地")], {"2023"}),
        ([("0204", "其他园地")], {"2020"}),
        ([("2302", "田坎")], {"2020"}),
        ([("2303", "田坎")], {"2023"}),
        ([("0101", "水田"), ("0204", "")], set()),
        ([("0205", ""), ("0604", "")], {"2020", "2023"}),
    ],
)
def test_the_version_of_the_classification(pairs, versions):
    assert list_version(pairs) == versions
