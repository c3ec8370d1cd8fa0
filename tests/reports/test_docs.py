"""What each figure means is written down."""

import re
from pathlib import Path

import pytest

from reports.figures import REPORTS

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs/reports.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n)+)", DOCUMENT, re.MULTILINE))


@pytest.mark.parametrize("name", [*REPORTS, "past", "changes"])
def test_report_has_its_formula(name: str):
    titles = {"past": "As of", "changes": "What changed"}
    title = titles.get(name) or str(REPORTS[name].title)
    assert len(SECTIONS[title]) > 100
    if name in REPORTS:
        assert re.search(r"^- .+( = |: )", SECTIONS[title], re.MULTILINE)


def test_every_section_is_of_a_report():
    assert len(SECTIONS) == len(REPORTS) + 2
