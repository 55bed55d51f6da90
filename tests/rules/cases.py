"""Cases for the rules, drawn in numbers: land in hectares of a line, and what is known of the project."""

from __future__ import annotations

import datetime as dt
from typing import Any

from controllines.kinds import kind_of
from controllines.rules import load_pack
from controllines.rules.cases import PROJECT, Case, Joint, LandPart, Line, Printed
from controllines.rules.evaluate import Judgement, evaluate
from controllines.rules.packs import Pack

RED, FARM, CITY, RESERVE = "ecological_redline", "permanent_farmland", "urban_boundary", "nature_reserve"
NATIONAL = load_pack()
DAY = dt.date(2026, 11, 21)
WHOLE = 1_000_000.0  # 100 hectares
#: Everything is known, and nothing special is the case.
PLAIN: dict[str, Any] = {
    "category": "other", "stage": "conversion", "activity": "none", "er_major_project": "none",
    "pbf_major_project": "none", "facility": "planting", "works_period_years": 1.0,
    **dict.fromkeys(("new_construction_land", "conversion", "concrete_works", "temporary", "restorable", "linear",
                     "crossing_without_land", "unavoidable_demonstrated", "damages_plough_layer",
                     "water_supply_related", "discharges_pollutants", "heavy_water_pollution", "obstructs_flood",
                     "strategic_mineral"), False),
}  # fmt: skip
#: Everything is known, and it is a national key project.
MAJOR = PLAIN | {"conversion": True, "pbf_major_project": "railway_national_plan", "unavoidable_demonstrated": True}


def avoid(kind: str, inside: float = 5000.0, **more: Any) -> dict[str, Line]:
    """A line to avoid with so much of the land inside it."""
    given = {"outcome": "conflict" if inside else "none", "uncovered_m2": 0.0, "depth_m": 30.0 if inside else None,
             "clearance_m": None if inside else 60.0} | more  # fmt: skip
    outcome = given.pop("outcome")
    return {kind: Line(kind_of(kind, sense="avoid").zh, "avoid", outcome, inside, WHOLE - inside, **given)}


def classed(kind: str, name: str, **more: Any) -> dict[str, Line]:
    """A line to avoid, all of it of one class."""
    return avoid(kind, classes={name: 5000.0}, **more)


def red(**zones: float) -> dict[str, Line]:
    """Redline by what nature reserves say of it: core, general, other=…, outside, uncovered; other lines by key."""
    names = {"core": "核心保护区", "general": "一般控制区", "other": "实验区"}
    outside, uncovered = zones.pop("outside", 0.0), zones.pop("uncovered", 0.0)
    inside = {names[zone]: m2 for zone, m2 in zones.items() if zone in names}
    total = sum(inside.values()) + outside + uncovered
    joints = {RESERVE: Joint(inside, outside, uncovered)}
    joints |= {line: Joint({"": m2}, total - m2) for line, m2 in zones.items() if line not in names}
    return avoid(RED, total, joints=joints)


def city(inside: float = 0.0, zone: str = "城镇集中建设区", **more: Any) -> dict[str, Line]:
    """The urban boundary with so much of the land inside it, in one zone."""
    outside = WHOLE - inside
    given = {"uncovered_m2": 0.0, "depth_m": 30.0 if outside else None, "classes": {zone: inside}} | more
    outcome = given.pop("outcome", "conflict" if outside else "none")
    return {CITY: Line("城镇开发边界", "stay_within", outcome, inside, outside, **given)}


def land(*parts: tuple[Any, ...]) -> tuple[LandPart, ...]:
    """Land classes: (code, big class, hectares[, lines inside]); hectares inside farmland default to none."""
    return tuple(
        LandPart(code, big, ha * 1e4, {FARM: 0.0, RED: 0.0} | dict(*inside)) for code, big, ha, *inside in parts
    )


def phrase(m2: float) -> str:
    return f"{m2 / 1e4:.4f}公顷"


def printed(case: Case, kind: str | None) -> Printed:
    """Figures printed plainly, for tests that do not look at them."""
    line = case.lines.get(kind or "")
    measures = {"conflict": line.conflict_m2, "inside": line.inside_m2, "outside": line.outside_m2} if line else {}
    figures = {name: phrase(m2 or 0.0) for name, m2 in measures.items()} | {"whole": phrase(case.area_m2)}
    return Printed(f"核对{line.zh}" if line else "申请用地", lambda: figures, phrase)


def project(lines: dict[str, Line], facts: dict[str, Any] | None = None, **more: Any) -> Case:
    return Case(PROJECT, "P", WHOLE, lines, {} if facts is None else facts, **more)


def judge_one(case: Case, *, pack: Pack = NATIONAL, day: dt.date = DAY, **options: Any) -> Judgement:
    return evaluate([case], pack, as_of=day, printed=printed, **options)


def pack_of(text: str, tmp_path: Any) -> Pack:
    path = tmp_path / "p.toml"
    path.write_text('[pack]\nid = "t"\nname = "t"\nversion = "1"\n' + text, encoding="utf-8")
    return load_pack(path)


def level(lines: dict[str, Line], kind: str, facts: dict[str, Any], **more: Any) -> str | None:
    return judge_one(project(lines, facts, **more)).kinds["project", "P", kind]
