"""地图.html in a real browser, without network."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from controllines.report import write_report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(require):
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        require("browser", "no chromium on this machine")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        require("browser", "playwright is not installed")
    with sync_playwright() as play:
        opened = play.chromium.launch(
            executable_path=program, args=["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def file(result, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("html") / "out"
    write_report(result, folder, formats=["html"])
    return folder / "地图.html"


@pytest.fixture
def page(browser, file):
    context = browser.new_context(offline=True, viewport={"width": 1360, "height": 820})
    opened = context.new_page()
    said, requests = [], []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto(file.as_uri())
    yield opened
    assert said == []
    assert requests == [file.as_uri()]
    context.close()


def ids(page) -> list[str]:
    return page.locator("#list .id").all_text_contents()


def test_everything_is_there_at_once(page):
    expect(page.locator("h1")).to_have_text("三条控制线套合核对")
    expect(page.locator(".banner")).to_have_text("合成数据，仅供演示")
    assert len(ids(page)) == 11
    expect(page.locator("#count")).to_contain_text("显示 11 / 11")
    assert page.locator("#map path").count() > 20
    expect(page.locator("#legend")).to_contain_text("生态保护红线")
    assert page.locator(".leaflet-control-scale-line").inner_text().endswith("m")


def test_hostile_names_stay_text(page, hostile):
    page.locator("#list button", has_text="=cmd").click()
    assert page.locator("#card").get_by_text(hostile["html"]).count() == 1
    page.locator("#map path").first.hover(force=True)
    assert page.evaluate("window.hacked === undefined && document.images.length === 0")


def test_search(page, hostile):
    page.fill("#search", "tkx-00")
    assert len(ids(page)) == 8
    page.fill("#search", "学校")
    assert ids(page) == ["TKX-004"]
    page.fill("#search", "没有这个")
    assert ids(page) == []
    expect(page.locator("#list")).to_have_text("没有符合条件的地块")


def test_filter_and_sort(page):
    page.select_option("#line", "permanent_farmland")
    page.select_option("#outcome", "conflict")
    assert ids(page) == ["TKX-003", "TKX-008"]
    page.select_option("#line", "")
    page.select_option("#outcome", "excluded")
    assert ids(page) == ["TKX-011"]
    page.select_option("#outcome", "")
    page.select_option("#township", "夏乡")
    assert ids(page) == ["TKX-004"]
    page.select_option("#township", "")
    page.select_option("#sort", "area")
    assert ids(page)[:2] == ["TKX-004", "TKX-002"]
    page.select_option("#sort", "outcome")
    assert ids(page)[:3] == ["TKX-002", "TKX-003", "TKX-008"]


def test_click_in_the_list_zooms_and_opens_the_card(page):
    before = page.locator(".leaflet-control-scale-line").inner_text()
    page.locator("#list button", has_text="TKX-002").click()
    card = page.locator("#card")
    expect(card.locator("h2")).to_have_text("TKX-002")
    assert card.locator(".sentence").all_inner_texts()[2] == "全部位于城镇开发边界外"
    expect(card).to_contain_text("未作规则判定")
    expect(card).to_contain_text("面积口径：椭球面积")
    assert page.locator(".leaflet-control-scale-line").inner_text() != before
    expect(page.locator('[aria-current="true"] .id')).to_have_text("TKX-002")
    page.keyboard.press("Escape")
    assert card.is_hidden()


def test_click_on_the_map_opens_the_card(page):
    page.locator("#list button", has_text="TKX-001").click()
    page.keyboard.press("Escape")
    page.locator('#map path[stroke="#2f7f86"]').first.click()
    expect(page.locator("#card h2")).to_have_text("TKX-001")


def test_excluded_application_says_why(page):
    page.locator("#list button", has_text="TKX-011").click()
    text = page.locator("#card").inner_text()
    assert "未参与核对：要素 TKX-011 没有面积（3），已排除" in text
    assert "没有可显示的图形" in text


def test_layer_switch_removes_a_line(page):
    shapes = page.locator('#map path[stroke="#3d7a45"]')
    assert shapes.count() == 1
    page.get_by_label("生态保护红线", exact=True).uncheck()
    assert shapes.count() == 0


def test_keyboard_alone_reaches_a_card(page):
    page.locator("#list button").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#card h2")).to_have_text("TKX-002")


def test_prints_with_map_and_all_sentences(page, tmp_path):
    pdf = page.pdf(path=str(tmp_path / "p.pdf"), prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    page.emulate_media(media="print")
    assert page.locator("#list .more").first.is_visible()
    assert page.locator("#tools").is_hidden()


def test_small_shapes_are_dots_when_seen_from_afar(page):
    dots = page.locator('#map path[stroke="#ffffff"]')
    assert dots.count() == 0
    for _ in range(4):
        page.get_by_role("button", name="Zoom out").click()
        page.wait_for_timeout(350)
    assert dots.count() == 10
