"""``explore``: the page of 地图.html inside a notebook."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from controllines.errors import UsageError
from controllines.report.notebook import Page, explore
from tests.report.readback import page_data


def test_a_result_is_the_page_of_the_map(result) -> None:
    page = explore(result, map_lines="none", height=300)
    data = page_data(page.text)
    assert [parcel["id"] for parcel in data["parcels"]] == list(result.parcels["parcel_id"])
    assert data["shapes"]["lines"] == []
    assert "height:300px" in page._repr_html_()
    assert page.text not in repr(page)


def test_the_frame_carries_the_page_as_it_is_and_nothing_else(hostile) -> None:
    text = f'<p title="x">\'{hostile["html"]}&amp;</p>'
    frames = []

    class Frames(HTMLParser):
        def handle_starttag(self, tag, attrs):
            frames.append((tag, dict(attrs)))

    Frames().feed(Page(text)._repr_html_())
    [(tag, attrs)] = frames
    assert (tag, attrs["srcdoc"], attrs["sandbox"]) == ("iframe", text, "allow-scripts")  # an origin of its own


def test_a_page_is_saved_byte_by_byte(tmp_path: Path) -> None:
    assert Page("甲\n乙").save(tmp_path / "a.html") == tmp_path / "a.html"
    assert (tmp_path / "a.html").read_bytes() == "甲\n乙".encode()


def test_wrong_options_are_refused_before_any_work() -> None:
    for wrong, code in (({"map_lines": "far"}, "OUTPUT_MAP_LINES_UNKNOWN"), ({"basemap": "ftp://x"}, "BASEMAP")):
        with pytest.raises(UsageError) as caught:
            explore(None, **wrong)  # type: ignore[arg-type]
        assert (caught.value.finding.code, caught.value.finding.actual) == (code, next(iter(wrong.values())))
