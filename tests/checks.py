"""`./run test`: every check, the cheap ones first, and a summary at the end. With arguments: pytest alone, with these.

What is not installed is skipped, and said; with `CI=true` that counts as failed.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests import servers

ROOT = Path(__file__).resolve().parent.parent
SLOW = "integration or e2e"
LONG = "bench or soak"
# What depends on the database's own ways (locks, races, JSON, search, order) runs on PostgreSQL once more.
ON_POSTGRES = [
    *("tests/nimble/test_encryption.py", "tests/nimble/test_signin.py", "tests/nimble/test_tokens.py"),
    *("tests/sync/test_outbox.py", "tests/sync/test_conflicts.py", "tests/sync/test_lost_answers.py"),
    *("tests/sync/test_sent.py", "tests/sync/test_pull.py", "tests/sync/test_restored.py"),
    *("tests/sync/test_inbox.py", "tests/sync/test_undo.py", "tests/run/test_probes.py"),
    *("tests/sync/test_visibility.py", "tests/sync/test_visibility_deals.py"),
    *("tests/reports/test_figures.py", "tests/reports/test_past.py"),
    *("tests/contacts/test_delivery.py", "tests/contacts/test_keyset.py", "tests/contacts/test_lists.py"),
    *("tests/deals", "--ignore-glob=*/test_pages*", "--ignore-glob=*browser*"),
    *("--ignore=tests/deals/test_keys.py", "--ignore=tests/deals/test_touch.py"),
]
# With real processes; those that break brokers name their databases themselves.
FAULTS = ["tests/faults", "--ignore=tests/faults/test_brokers.py"]
TESTS = {"DJANGO_SETTINGS_MODULE": "tests.settings"}
PRODUCTION = {
    "ENV_FILE": os.devnull,
    "DJANGO_SETTINGS_MODULE": "crmportal.settings",
    "DJANGO_SECRET_KEY": "n7Xq2LwZ9vRk4TbYc8HdJm5PgAs3FuEo6WiNtQxVzKyMrBhDe1Uf0",
    "TOKEN_KEYS": "dGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGU=",
    "PUBLIC_URL": "https://crm.example.com",
    "NIMBLE_BASE_URL": "https://app.nimble.com",
    "NIMBLE_CLIENT_ID": "client",
    "NIMBLE_CLIENT_SECRET": "secret",
}


@dataclass
class Check:
    """A command that is to end with 0. `needs` raises `Missing` where it cannot run."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    needs: Callable[[], object] = lambda: None


def pytest(*arguments: str, marked: str) -> list[str]:
    return python("-m", "pytest", "-q", "-m", marked, *arguments)


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def tool(name: str, *arguments: str) -> list[str]:
    """A program beside this Python."""
    return [str(Path(sys.executable).with_name(name)), *arguments]


def checks() -> list[Check]:
    fast = f"not ({SLOW} or {LONG})"
    return [
        Check("ruff", tool("ruff", "check", "--quiet")),
        Check("ruff format", tool("ruff", "format", "--check", "--quiet")),
        Check("djade", tool("djade", "--target-version", "5.2", "--check", *tracked("*.html"))),
        Check("import-linter", tool("lint-imports")),
        Check("mypy", python("-m", "mypy"), TESTS),
        Check("migrations", python("manage.py", "makemigrations", "--check", "--dry-run"), TESTS),
        Check("deployment", python("manage.py", "check", "--deploy", "--fail-level", "WARNING"), PRODUCTION),
        Check("pytest", pytest("-n", "2", marked=fast)),
        Check(
            "pytest on PostgreSQL",
            pytest("-n", "2", *ON_POSTGRES, marked=fast),
            {"TEST_DATABASE": "postgresql"},
            servers.postgres_programs,
        ),
        Check(
            "faults on PostgreSQL",
            pytest("-n", "2", "--dist", "loadfile", *FAULTS, marked=f"not ({LONG})"),
            {"TEST_DATABASE": "postgresql"},
            servers.postgres_programs,
        ),
        Check(
            "pytest with real processes and a browser",
            pytest("-n", "2", "--dist", "loadfile", marked=f"({SLOW}) and not ({LONG})"),
        ),
    ]


def tracked(pattern: str) -> list[str]:
    """The files under version control, or about to be, that match."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()


def run(check: Check) -> str:
    """How it went: `ok`, `FAILED` or `SKIPPED`, with a reason."""
    print(f"\n=== {check.name}", flush=True)
    try:
        check.needs()
    except servers.Missing as reason:
        print(f"SKIPPED: {reason}", flush=True)
        return f"SKIPPED: {reason}"
    done = subprocess.run(check.command, cwd=ROOT, env=os.environ | check.environment, check=False)
    return "ok" if done.returncode == 0 else "FAILED"


def main() -> None:
    outcomes: list[tuple[str, str, float]] = []
    for check in checks():
        began = time.monotonic()
        outcomes.append((check.name, run(check), time.monotonic() - began))
    print("\n=== summary")
    for name, outcome, seconds in outcomes:
        print(f"{seconds:6.1f} s  {name}: {outcome}")
    allowed = ("ok",) if os.environ.get("CI") == "true" else ("ok", "SKIPPED")
    bad = [name for name, outcome, _ in outcomes if not outcome.startswith(allowed)]
    sys.exit(f"\nNot all is well: {', '.join(bad)}" if bad else 0)


if __name__ == "__main__":
    if sys.argv[1:]:
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *sys.argv[1:]])
    main()
