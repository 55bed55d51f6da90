"""Fixtures shared by all tests: real data where it exists, a prepared plan, a PostGIS server of the tests' own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import settings

# Examples may take as long as they take; where CI is set, hypothesis itself makes them the same every time.
settings.register_profile("controllines", settings(), deadline=None)
settings.register_profile("thorough", settings(), deadline=None, max_examples=2000)  # --hypothesis-profile thorough
settings.load_profile("controllines")

REPOSITORY = Path(__file__).resolve().parents[1]


def _absent(part: str, reason: str) -> NoReturn:
    """Skip; but fail where the caller of the tests says that this part must be there."""
    if part in os.environ.get("CONTROLLINES_REQUIRE", "").split(","):
        pytest.fail(f"{part} is required (CONTROLLINES_REQUIRE): {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def require() -> Callable[[str, str], NoReturn]:
    """``require(part, reason)``: skip for want of a part, or fail if CONTROLLINES_REQUIRE names it."""
    return _absent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Root of the real data, which are no part of the project."""
    root = Path(os.environ.get("CONTROLLINES_SHARED", REPOSITORY.parent / "shared"))
    if not (root / "data").is_dir():
        pytest.skip("no real data: set CONTROLLINES_SHARED to the folder that holds data/")
    return root


def _as_postgres(*command: str) -> None:
    """Run a server program; PostgreSQL refuses to run as root."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    # not captured: the server would inherit the pipe and keep it open
    with tempfile.TemporaryFile() as log:
        done = subprocess.run([*prefix, *command], stdout=log, stderr=subprocess.STDOUT, timeout=120, check=False)
        log.seek(0)
        assert done.returncode == 0, f"{command[0]} failed: {log.read().decode(errors='replace')}"


def _server_programs() -> Path | None:
    if os.name != "posix":  # the server of the tests listens on a socket in a folder
        return None
    folders = [Path(p).resolve().parent for p in [shutil.which("initdb")] if p]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


@pytest.fixture(scope="session")
def postgis() -> Iterator[Any]:
    """Connect to a PostGIS server of this session's own, reachable by a socket in its own folder only."""
    psycopg = pytest.importorskip("psycopg")
    programs = _server_programs()
    if programs is None:
        _absent("postgis", "PostgreSQL is not installed")
    home = Path(tempfile.mkdtemp(prefix="controllines-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(home, "postgres")
        data = str(home / "data")
        _as_postgres(str(programs / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={home} -c fsync=off -c jit=off"
        _as_postgres(str(programs / "pg_ctl"), "-D", data, "-w", "-l", str(home / "log"), "-o", options, "start")
        try:
            with psycopg.connect(host=str(home), user="postgres", dbname="postgres", autocommit=True) as connection:
                _add_postgis(psycopg, connection)
                yield connection
        finally:
            _as_postgres(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _add_postgis(psycopg: Any, connection: Any) -> None:
    try:
        connection.execute("CREATE EXTENSION postgis")
    except (psycopg.errors.UndefinedFile, psycopg.errors.FeatureNotSupported) as error:
        _absent("postgis", f"PostGIS is not installed: {error}")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The plan.toml of ``tests/prepared.py``, and the folder it was prepared in: to be read, not written."""
    from controllines.preparation import prepare
    from tests.prepared import office

    folder = tmp_path_factory.mktemp("office")
    plan = office(folder / "in")
    return plan, prepare(plan, folder / "某县.plan")


@pytest.fixture
def copy(made: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the prepared plan, to be damaged."""
    return Path(shutil.copytree(made[1], tmp_path / "copy.plan"))
