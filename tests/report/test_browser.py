"""地图.html in a real browser, without network."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

import controllines as cl
from controllines.report import write_report
from controllines.report.notebook import Page
from tests.builders import here, layer, make_plan, parcels
from tests.report.conftest import multiplied

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


@contextmanager
def opened(browser, file: Path):
    """A page without network that must neither complain nor ask for anything."""
    context = browser.new_context(offline=True, viewport={"width": 1360, "height": 820})
    page = context.new_page()
    page.set_default_timeout(5_000)
    said, requests = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    yield page
    assert said == []
    assert requests == [file.as_uri()]
    context.close()


@pytest.fixture
def page(browser, file):
    with opened(browser, file) as page:
        yield page


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> Path:
    """A run with rules: one parcel in farmland, one in the boundary, one beside it."""
    city = layer([here(-2000, -50, -1000, 400)], GHFQMC=["城镇集中建设区"], BSM=["c1"])
    plan = make_plan(permanent_farmland=[here(50, -10, 400, 400)], urban_boundary=city,
                     ecological_redline=[here(5000, 0, 5100, 100)])  # fmt: skip
    ring = [(-1500 + 10 * (n % 2), 2 * n) for n in range(60)] + [(-1300, 118), (-1300, 0)]
    land = parcels(here(0, 0, 100, 100), here(-1200, 0, -1150, 80), here(*ring), DKBH=["耕", "城", "折"],
                   YT=["1001", None, None])  # fmt: skip
    checked = cl.check(land, plan, as_of="2026-11-21")
    folder = tmp_path_factory.mktemp("judged") / "out"
    write_report(checked, folder, formats=["html"])
    return folder / "地图.html"


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


def test_levels_filter_colour_and_stand_on_the_card(browser, judged):
    with opened(browser, judged) as page:
        page.select_option("#level", "clear")
        assert ids(page) == ["城", "折"]
        page.select_option("#line", "permanent_farmland")
        page.select_option("#level", "undetermined")
        assert ids(page) == ["耕"]
        page.select_option("#line", "")
        page.select_option("#level", "")
        page.select_option("#sort", "level")
        assert ids(page)[0] == "耕"
        page.locator("#list button", has_text="耕").click()
        card = page.locator("#card")
        assert card.get_attribute("class") == "undetermined"
        expect(card).to_contain_text("申报用途")
        expect(card).to_contain_text("《")  # a clause
        card.get_by_text("界址点（5点，按申报数据）").click()
        cells = card.locator("table tr").nth(1).locator("td").all_inner_texts()
        assert cells == ["1", "J1", "4738000.000", "30385100.000", "100.00"]
        assert page.locator('#map path[stroke="#6f5a9c"]').count() == 1


def test_explore_shows_the_page_inside_a_notebook(browser, judged, tmp_path):
    text = judged.read_text(encoding="utf-8")
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!doctype html><meta charset=utf-8>{Page(text)._repr_html_()}", encoding="utf-8")
    context = browser.new_context(offline=True)
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(notebook.as_uri())
    inside = page.frame_locator("iframe")
    expect(inside.locator("#count")).to_contain_text("显示 3 / 3")
    inside.locator("#list button", has_text="耕").click()
    expect(inside.locator("#card h2")).to_have_text("耕")
    assert said == []
    context.close()


def test_a_basemap_is_asked_of_its_server_only(browser, tmp_path, result):
    write_report(result, tmp_path / "out", formats=["html"], basemap="http://127.0.0.1:9/{z}/{x}/{y}.png")
    context = browser.new_context(viewport={"width": 600, "height": 500})
    page = context.new_page()
    requests, said = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto((tmp_path / "out" / "地图.html").as_uri())
    page.wait_for_timeout(300)
    tiles = [url for url in requests if url.startswith("http")]
    assert tiles
    assert all(url.startswith("http://127.0.0.1:9/") for url in tiles)
    assert not [text for text in said if "Content Security Policy" in text]
    expect(page.locator("footer")).to_contain_text("底图来自外部服务")
    context.close()


@pytest.mark.slow
def test_two_thousand_applications_are_ready_in_three_seconds(browser, result, tmp_path):
    many = multiplied(result, 200)
    write_report(many, tmp_path / "out", formats=["html"])
    file = tmp_path / "out" / "地图.html"
    assert file.stat().st_size < 20_000_000
    with opened(browser, file) as page:
        expect(page.locator("header .first")).to_contain_text("本页只列前2000个（共2200个）")
        assert len(ids(page)) == 2000
        ready = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        assert ready < 3000, ready
        page.fill("#search", "TKX-004/17")
        assert "TKX-004/17" in ids(page)
