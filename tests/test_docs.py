"""What can be set and typed is in the documents, and nothing else is."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
OURS = ("crmportal", "nimble", "sync", "contacts", "deals", "reports", "team")
SETTINGS = (ROOT / "docs/settings.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()
README = (ROOT / "README.md").read_text()
READS = re.compile(r"(?:env\.\w+|environ\.get|listed)\(\s*\"([A-Z_]+)\"|environ\[\"([A-Z_]+)\"\]|\$\{([A-Z_]+):-")
# Set by one part of the portal for another.
INTERNAL = {"CALLED_FROM"}


def read_in(*paths: Path) -> set[str]:
    return {name for path in paths for found in READS.findall(path.read_text()) for name in found if name}


def documented() -> set[str]:
    rows = re.findall(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \|", SETTINGS, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}


def test_every_setting_is_documented() -> None:
    sources = [path for app in OURS for path in (ROOT / app).rglob("*.py")]
    missing = read_in(ROOT / "run", *sources) - documented() - INTERNAL
    assert missing == set()


def test_every_documented_setting_is_read() -> None:
    source = "".join(path.read_text() for path in [ROOT / "run", *(ROOT / "crmportal").rglob("*.py")])
    assert {name for name in documented() if not re.search(rf"\b{name}\b", source)} == set()


@pytest.mark.parametrize("name", sorted(name for name, app in get_commands().items() if app in OURS))
def test_management_command_is_documented(name: str) -> None:
    assert re.search(rf"^\| `{name}\b", OPERATIONS, re.MULTILINE)


def test_every_subcommand_of_run_is_documented() -> None:
    usage = (ROOT / "run").read_text().partition("usage() {")[2].partition("END\n}")[0]
    names = set(re.findall(r"^\./run (\w+)", usage, re.MULTILINE))
    assert len(names) > 10
    assert {name for name in names if not re.search(rf"`(\./run )?{name}\b", README + OPERATIONS)} == set()


def test_links_between_documents_lead_somewhere() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_every_test_that_proves_a_promise_exists() -> None:
    text = (ROOT / "docs/reliability.md").read_text()
    rows = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
    assert rows == [str(number) for number in range(1, len(rows) + 1)]
    unproved = [line for line in text.splitlines() if re.match(r"\| \d+ \|", line) and "::test_" not in line]
    assert unproved == []
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", text)
    assert len(named) > 40
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / "tests" / path).exists() or f"def {name}(" not in (ROOT / "tests" / path).read_text()
    ]
    assert missing == []
