"""Makes the pictures of the gallery from the demo county: ``python docs/make_gallery.py``, after ``make docs``.

Needs what the outputs are looked at with: chromium, LibreOffice, pdftoppm (poppler-utils). The pictures are committed.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageChops
from playwright.sync_api import Page, sync_playwright

import controllines as cl

REPOSITORY = Path(__file__).resolve().parents[1]
GALLERY = REPOSITORY / "docs" / "pictures" / "gallery"
DEMO = REPOSITORY / "data" / "demo"
SHOWN = "DEMO2026012-1"  # 葡萄干加工厂: two thirds on farmland
WIDTH, LARGEST = 1000, 120_000  # pixels, bytes


def main() -> None:
    """Make every picture."""
    GALLERY.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        plan = cl.open_plan(DEMO / "规划" / "plan.toml")
        result = cl.check(str(DEMO / "申请"), plan, as_of="2026-11-21")
        cl.write_report(result, work / "成果", formats=["xlsx", "html"], paths=False)
        table = cl.tabulate(plan, of=["生态保护红线", "永久基本农田", "城镇开发边界"], by=["乡镇"])
        cl.write_table(table, work / "面积统计表.xlsx")
        keep(cl.plot(result, SHOWN).save(work / "picture.png"), "picture")
        keep(cl.plot(table, unit="平方公里").save(work / "bars.png"), "bars")
        how = {"how": "map", "plan": plan, "line": "永久基本农田", "unit": "平方公里"}
        keep(cl.plot(table, **how).save(work / "choropleth.png"), "choropleth")  # type: ignore[arg-type]
        keep(paper(work / "成果" / "三线核对汇总表.xlsx", work), "workbook", part=(0.68, 0.55))
        keep(paper(work / "面积统计表.xlsx", work), "statistics")
        forms(work)
        screens(work)


def forms(work: Path) -> None:
    """Show the first two pages of the Word form of one project."""
    one = cl.check(str(DEMO / "申请" / "演示_012_*.txt"), DEMO / "规划" / "plan.toml", as_of="2026-11-21")
    cl.write_report(one, work / "核对", formats=["docx"], paths=False)
    (form,) = (work / "核对" / "核对表").glob("*.docx")
    for page in (1, 2):
        keep(paper(form, work, page=page), f"form-{page}", width=700)


def paper(document: Path, work: Path, *, page: int = 1) -> Path:
    """Return a page of a document as it would be printed."""
    soffice = shutil.which("soffice") or "soffice"
    profile = f"-env:UserInstallation={(work / 'profile').as_uri()}"
    subprocess.run(
        [soffice, profile, "--headless", "--convert-to", "pdf", "--outdir", work, document],
        check=True, capture_output=True,
    )  # fmt: skip
    target = work / f"{document.stem}-{page}"
    pages = ["-f", str(page), "-l", str(page), "-singlefile", "-r", "150", "-png"]
    subprocess.run(["pdftoppm", *pages, work / f"{document.stem}.pdf", target], check=True)
    return target.with_suffix(".png")


def screens(work: Path) -> None:
    """Show the map, and a notebook on this site."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 760})
        page.goto((work / "成果" / "地图.html").as_uri())
        page.get_by_text(SHOWN, exact=True).first.click()
        keep(shot(page, work / "map.png"), "map")
        page.goto((REPOSITORY / "build" / "docs" / "notebooks" / "03_messy_files.html").as_uri())
        page.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
        page.locator("#what-was-repaired, [id*=repaired]").first.scroll_into_view_if_needed()
        page.mouse.wheel(0, 700)
        keep(shot(page, work / "notebook.png"), "notebook")
        browser.close()


def shot(page: Page, path: Path) -> Path:
    """Return a picture of what the browser shows once it stands still."""
    page.wait_for_timeout(800)
    page.screenshot(path=path)
    return path


def keep(path: Path, name: str, *, width: int = WIDTH, part: tuple[float, float] = (1.0, 1.0)) -> None:
    """Keep a picture in the gallery: without margins, its left and upper ``part``, few colours."""
    target = GALLERY / f"{name}.png"
    with Image.open(path) as picture:
        whole = picture.convert("RGB")
    left, top, right, bottom = ImageChops.invert(whole).getbbox() or (0, 0, *whole.size)
    right, bottom = left + round((right - left) * part[0]), top + round((bottom - top) * part[1])
    margin = 20
    seen = whole.crop((max(left - margin, 0), max(top - margin, 0),
                       min(right + margin, whole.width), min(bottom + margin, whole.height)))  # fmt: skip
    height = round(seen.height * width / seen.width)
    small = seen.resize((width, height), Image.Resampling.LANCZOS)
    for colours in (256, 128, 64, 32):
        small.quantize(colours, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(target, optimize=True)
        if target.stat().st_size <= LARGEST:
            return


if __name__ == "__main__":
    main()
