from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import openpyxl
import pytest

from controllines.errors import OutputError, UsageError
from controllines.report import FormOptions, check_target, write_report
from tests.report.readback import page_data, shown_text
from tests.test_findings import FORBIDDEN

FILES = ["conflicts.gpkg", "conflicts.csv", "三线核对汇总表.xlsx", "地图.html", "result.json"]


def other_run(result):
    return dataclasses.replace(result, provenance={**result.provenance, "run_id": "ba9876543210"})


def test_writes_all_files_and_lists_them(result, tmp_path):
    written = write_report(result, tmp_path / "a" / "out")
    assert [path.name for path in written] == FILES
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["out"]
    content = json.loads((tmp_path / "a" / "out" / "result.json").read_text(encoding="utf-8"))
    assert {entry["path"] for entry in content["files"]} == set(FILES[:-1])
    for entry in content["files"]:
        assert entry["sha256"] == hashlib.sha256((tmp_path / "a" / "out" / entry["path"]).read_bytes()).hexdigest()


def test_only_the_formats_asked_for(result, tmp_path):
    written = write_report(result, tmp_path / "out", formats=["csv"])
    assert [path.name for path in written] == ["conflicts.gpkg", "conflicts.csv", "result.json"]


def test_unknown_options_are_usage_errors(result, tmp_path):
    with pytest.raises(UsageError, match="pptx"):
        write_report(result, tmp_path / "out", formats=["pptx"])
    with pytest.raises(UsageError, match="far"):
        write_report(result, tmp_path / "out", map_lines="far")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("broken", [{"outcome": "maybe"}, {"area_m2": -1.0}])
def test_a_document_off_the_schema_is_not_written(make_result, tmp_path, broken):
    result = make_result()
    for column, value in broken.items():
        result.overlaps.loc[0, column] = value
    with pytest.raises((OutputError, ValueError)):
        write_report(result, tmp_path / "out", formats=[])
    assert list(tmp_path.iterdir()) == []


def test_same_bytes_of_json_and_csv(make_result, tmp_path):
    for name in ("a", "b"):
        write_report(make_result(), tmp_path / name, formats=[])
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("a", "b"))
    assert first["conflicts.csv"] == second["conflicts.csv"]
    plain = [json.loads(each["result.json"]) for each in (first, second)]
    for content in plain:  # gpkg holds the time of writing
        content["files"] = [entry for entry in content["files"] if entry["path"] != "conflicts.gpkg"]
    assert json.dumps(plain[0]) == json.dumps(plain[1])
    assert first["result.json"].count(b"\r") == 0


def test_the_same_run_replaces_its_result_and_another_needs_overwrite(result, tmp_path):
    """How folders are replaced, and what a failure leaves, is shown in test_commit."""
    out = tmp_path / "out"
    write_report(result, out)
    write_report(result, out, formats=["html"])
    assert {path.name for path in out.iterdir()} == {"conflicts.gpkg", "conflicts.csv", "地图.html", "result.json"}
    with pytest.raises(OutputError, match="--overwrite"):
        write_report(other_run(result), out, formats=[])
    write_report(other_run(result), out, formats=[], overwrite=True)
    assert json.loads((out / "result.json").read_bytes())["provenance"]["run_id"] == "ba9876543210"


def test_an_xlsx_that_cannot_be_written_is_an_output_error(result, tmp_path, monkeypatch):
    import xlsxwriter

    def refuse(self):
        raise xlsxwriter.exceptions.FileCreateError(OSError(errno.EACCES, "Permission denied"))

    monkeypatch.setattr(xlsxwriter.Workbook, "close", refuse)
    with pytest.raises(OutputError):
        write_report(result, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_no_paths_keeps_folders_out_of_every_output(make_result, tmp_path):
    out = tmp_path / "out"
    result = make_result()
    result.provenance["plan"]["path"] = "/秘密文件夹/某县.plan"
    write_report(result, out, paths=False)
    for name in ("result.json", "地图.html", "conflicts.csv"):
        text = (out / name).read_text(encoding="utf-8")
        assert "申请/" not in text
        assert "规划/" not in text
        assert "秘密文件夹" not in text
    content = json.loads((out / "result.json").read_bytes())
    assert content["provenance"]["inputs"][0]["path"] == "一批.txt"
    assert content["provenance"]["layers"][0]["source"] == "自治区/地区下发"  # no path
    assert set(gpd.read_file(out / "conflicts.gpkg", layer="parcels")["source"]) == {"一批.txt"}


def test_outputs_are_free_of_judgements(book, page, out):
    texts = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row if cell.value]
    texts += [shown_text(page), json.dumps(page_data(page), ensure_ascii=False)]
    texts.append((out / "conflicts.csv").read_text(encoding="utf-8"))
    assert not [(word, text[:80]) for text in texts for word in FORBIDDEN if word in text]


def test_disclaimer_in_xlsx_and_html(book, page):
    start = "本核对结果由软件按所列数据版本和规则生成，供初步筛查和人工复核使用"
    assert start in page
    for sheet in book:
        assert any(str(row[0].value).startswith(start) for row in sheet.iter_rows())


def test_marking_stands_on_every_sheet_and_on_the_page(make_result, tmp_path):
    write_report(make_result(), tmp_path / "out", form=FormOptions(marking="内部资料&L"))
    for sheet in openpyxl.load_workbook(tmp_path / "out" / "三线核对汇总表.xlsx"):
        assert "内部资料&L" in sheet["A2"].value
        assert "内部资料&&L" in sheet.oddHeader.left.text
    page = (tmp_path / "out" / "地图.html").read_text(encoding="utf-8")
    assert '<p class="marking">内部资料&amp;L</p>' in page
    assert "内部资料&L" in (tmp_path / "out" / "conflicts.csv").read_text(encoding="utf-8")


#: Rectangles of 30 to 300 m all over the demo county, two to a project.
ROOT = Path(__file__).resolve().parents[2]
RUN = """
import sys
import geopandas as gpd, numpy as np, pyogrio, shapely
import controllines as cl
from tests.memory import peak_kb
west, south, east, north = pyogrio.read_info("data/demo/规划/三区三线_演示.gpkg", layer="YJJBNTBHTB")["total_bounds"]
random, count = np.random.default_rng(1), 10_000
x, y = random.uniform(west, east, count), random.uniform(south, north, count)
w, h = random.uniform(30, 300, (2, count)) / 100_000
ids = [f"P{n:05d}" for n in range(count)]
land = gpd.GeoDataFrame({"DKBH": ids, "XMBH": [f"X{n // 2:05d}" for n in range(count)]},
                        geometry=shapely.box(x, y, x + w, y + h), crs="EPSG:4490")
result = cl.check(land, "data/demo/规划/plan.toml", as_of="2026-11-21")
told = []
cl.write_report(result, sys.argv[1], formats=["xlsx", "html", "gpkg"], tell=told.append)
print(len(told), peak_kb() // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory in kilobytes is Linux's")
def test_ten_thousand_applications_stay_below_two_gigabytes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = subprocess.run([sys.executable, "-c", RUN, str(out)], cwd=ROOT, capture_output=True, text=True, check=True)
    steps, peak_mb = map(int, done.stdout.split())
    assert steps >= 5
    assert peak_mb < 2_000
    assert (out / "地图.html").stat().st_size < 20_000_000
    names = {"三线核对汇总表.xlsx", "三线核对成果.gpkg", "result.json", "conflicts.csv"}
    assert names <= {path.name for path in out.iterdir()}


def test_what_would_be_refused_after_the_work_is_refused_before_it(result, tmp_path):
    out = tmp_path / "out"
    check_target(out)  # absent
    out.mkdir()
    check_target(out)  # empty
    (out / "意见.txt").write_text("我的", encoding="utf-8")
    with pytest.raises(OutputError, match="OUTPUT_NOT_EMPTY"):
        check_target(out)
    check_target(out, overwrite=True)
    (out / "意见.txt").unlink()
    write_report(result, out, formats=[])
    check_target(out)  # of an earlier run: its id is known only after the work
    for wrong, code in (({"formats": ["pptx"]}, "OUTPUT_FORMAT_UNKNOWN"), ({"basemap": "x"}, "BASEMAP"),
                        ({"map_lines": "far"}, "OUTPUT_MAP_LINES_UNKNOWN"), ({"out_crs": "x"}, "OUT_CRS")):  # fmt: skip
        with pytest.raises(UsageError) as caught:
            check_target(tmp_path / "new", **wrong)
        assert caught.value.finding.code == code
