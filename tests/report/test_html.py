"""地图.html as a file: only its own elements; tests/report/test_browser.py opens it."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

import controllines as cl
from controllines.errors import UsageError
from controllines.report import html
from controllines.report.html import check_basemap, to_bytes
from controllines.report.model import build
from tests.report.readback import page_data


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_html_has_only_its_own_elements(page):
    found = _Elements()
    found.feed(page)
    scripts = [attrs for tag, attrs in found.tags if tag == "script"]
    assert [attrs.get("type") for attrs in scripts] == ["application/json", None, None]
    assert not [tag for tag, attrs in found.tags if tag in ("img", "iframe", "object", "embed", "base")]
    names = {name for _, attrs in found.tags for name in attrs}
    assert not [name for name in names if name.startswith("on") or name in ("style", "src")]
    policy = next(attrs["content"] for tag, attrs in found.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "url(" not in page
    assert "sourceMappingURL" not in page
    assert "Volodymyr" in page  # Leaflet's licence goes with its code


@pytest.mark.parametrize(
    "address", [None, "https://t.example/{z}/{x}/{y}.png", "http://127.0.0.1:9/a?l={z}&c={x}&r={y}"]
)
def test_a_basemap_of_one_server_is_taken(address: str | None) -> None:
    check_basemap(address)


@pytest.mark.parametrize(
    "address",
    ["", "t.example/{z}/{x}/{y}", "ftp://t.example/{z}/{x}/{y}", "javascript:alert(1)//{z}/{x}/{y}",
     "https://t.example/{z}/{x}.png", "https://t.example/{z}/{x}/{y}/{s}", "https://{s}.example/{z}/{x}/{y}",
     "https://t.example/{z}/{x}/{y}; script-src *", "https://u@t.example/{z}/{x}/{y}",
     "https://t.example/{z}/{x}/{y}\"><script>"],
)  # fmt: skip
def test_an_address_that_says_more_is_refused_by_name(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_basemap(address)
    assert (caught.value.finding.code, caught.value.finding.actual) == ("BASEMAP", address)


def policy_of(page: str) -> dict[str, list[str]]:
    found = _Elements()
    found.feed(page)
    policy = next(attrs["content"] for _, attrs in found.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    return {name: rest for name, *rest in (part.split() for part in policy.split("; "))}


def test_only_these_very_scripts_may_run(page: str) -> None:
    """The browser compares sha256 of each script and style with the policy; here hashlib does."""
    policy = policy_of(page)
    for element, rule in (("script", "script-src"), ("style", "style-src")):
        blocks = re.findall(rf"<{element}>(.*?)</{element}>", page, re.S)
        digests = [base64.b64encode(hashlib.sha256(block.encode()).digest()).decode() for block in blocks]
        assert len(blocks) == 2
        assert policy[rule] == [f"'sha256-{digest}'" for digest in digests]
    assert policy["img-src"] == ["data:"]


def test_a_basemap_opens_the_policy_for_its_server_alone(report) -> None:
    page = to_bytes(report, basemap="https://t.example:8443/a/b/{z}/{x}/{y}.png").decode()
    assert policy_of(page)["img-src"] == ["data:", "https://t.example:8443"]
    assert page_data(page)["basemap"] == "https://t.example:8443/a/b/{z}/{x}/{y}.png"


def test_no_text_of_the_data_ends_its_script(page: str, hostile: dict[str, str]) -> None:
    body = re.search(r'id="data">(.*?)</script>', page, re.S)[1]
    assert not set("<>&") & set(body)
    names = [parcel["name"] for parcel in page_data(page)["parcels"]]
    assert hostile["html"] in names
    assert hostile["long"] in names


def test_a_page_of_too_many_parcels_shows_the_first_and_says_so(report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MOST", 2)
    page = to_bytes(report).decode()
    data = page_data(page)
    assert "本页只列前2个（共11个）" in page
    assert ([parcel["id"] for parcel in data["parcels"]], data["total"]) == (["TKX-001", "TKX-002"], 11)
    shapes = data["shapes"]
    assert {shape[0] for name in ("parcels", "pieces", "outside") for shape in shapes[name]} == {"TKX-001", "TKX-002"}
    # farmland begins 5.5 thousandths of a degree east of the two, 450 m: near enough; nothing within 1 km is left out
    assert {shape[0] for shape in shapes["lines"]} == {"ecological_redline", "permanent_farmland", "urban_boundary"}


def test_cards_refer_to_the_file_where_points_are_too_many(two_projects: cl.CheckResult, monkeypatch) -> None:
    model = build(two_projects)
    cards = {card["id"]: card for card in page_data(to_bytes(model).decode())["parcels"]}
    assert len(cards["a"]["corners"]) == 5  # a box and its closing point
    assert cards["a"]["elsewhere"] == ""
    monkeypatch.setattr(html, "POINTS", 9)  # room for the five of the first parcel only
    cards = {card["id"]: card for card in page_data(to_bytes(model).decode())["parcels"]}
    assert [len(cards[key]["corners"]) for key in "abc"] == [5, 0, 0]
    assert cards["b"]["elsewhere"] == "界址点5个，见申报文件"
