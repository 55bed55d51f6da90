"""A sample of the long run, and that it goes on where it was stopped."""

from __future__ import annotations

import json

import pytest

from tests.proof import run
from tests.proof.pairs import FAMILIES, pair


def figures(path):
    record = json.loads(path.read_text(encoding="utf-8"))
    return {key: value for key, value in record.items() if key != "cpu_seconds"}


@pytest.mark.parametrize("chunk", [0, 1, 2, 3, 4, 7])
def test_a_sample_is_within_tolerance(chunk):
    """A part of one chunk at each origin, two of them in tiles, of a seed that the long runs do not have."""
    first = chunk * run.CHUNK
    record = run.fresh(20261125)
    run.add(record, first, [pair(20261125, number) for number in range(first, first + 400)])
    assert record["failures"] == []
    assert all(entry["pairs"] >= 22 for entry in record["families"].values())
    assert max(entry["m2"] for entry in record["worst"].values()) < run.TOLERANCE_M2


def test_stopped_and_gone_on_with_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "CHUNK", 30)
    straight, stopped = tmp_path / "straight.json", tmp_path / "stopped.json"
    run.run(5, 100, straight)
    run.run(5, 40, stopped)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            run.run(5, 100, stopped)
    run.run(5, 100, stopped)
    assert figures(stopped) == figures(straight)
    assert figures(straight)["count"] == 100


def test_a_record_belongs_to_one_engine(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    run.run(5, 10, path)
    with pytest.raises(SystemExit, match="another seed"):
        run.run(6, 20, path)
    monkeypatch.setattr(run, "state", lambda: {"engine": {"overlay.py": "0"}, "versions": {}})
    with pytest.raises(SystemExit, match="--restart"):
        run.run(5, 20, path)
    assert run.run(5, 20, path, restart=True)["count"] == 20


def test_what_is_outside_tolerance_is_kept(tmp_path, monkeypatch):
    honest = run.measured

    def wrong(left, right, *, way):
        got, recomputed = honest(left, right, way=way)
        got[:, 0] += 2e-4
        return got, recomputed

    monkeypatch.setattr(run, "measured", wrong)
    record = run.run(5, len(FAMILIES), tmp_path / "record.json")
    # of a large polygon, a billionth of its area may be more
    assert all(entry["outside"] == 1 for name, entry in record["families"].items() if name != "large")
    assert record["failures"][0]["difference_m2"] == {"intersection": pytest.approx(2e-4, rel=1e-3)}
    assert all(len(failure["one"]) > 100 for failure in record["failures"])
