"""Fixtures for every test; `tests/settings.py` has settled the settings before this is read."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from hypothesis import HealthCheck, settings

from tests import servers

pytest_plugins = [f"tests.{each}" for each in ("portal", "browser", "sandboxes", "people", "mirrors", "processes")]

# How fast a machine is decides no test.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's folder says what it is, so that nobody has to mark it."""
    for item in items:
        for folder in ("e2e", "integration", "contract", "bench", "soak"):
            if folder in item.path.relative_to(item.config.rootpath).parts:
                item.add_marker(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: Any = yield
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        # Such a test runs in another round of `./run test`.
        if not reason.startswith("Skipped: only on "):
            report.outcome = "failed"
            report.longrepr = f"{reason}\nWith CI=true nothing may be skipped."
    item.failed = getattr(item, "failed", False) or report.failed  # type: ignore[attr-defined]
    return report


@pytest.fixture
def var(settings: LazySettings, tmp_path: Path) -> Path:
    """A folder for what running writes, this test's own."""
    settings.VAR_DIR = tmp_path / "var"
    settings.VAR_DIR.mkdir()
    return settings.VAR_DIR


@pytest.fixture(scope="session")
def postgres() -> servers.Server:
    """A private PostgreSQL; skipped where it is not installed."""
    return servers.needed(servers.postgres)


@pytest.fixture(scope="session")
def redis() -> servers.Server:
    """A private Redis; skipped where it is not installed."""
    return servers.needed(servers.redis)
