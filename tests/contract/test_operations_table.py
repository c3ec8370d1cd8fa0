"""`docs/nimble-operations.md`: every operation about deals, the method that sends it, and where it is reached."""

import re
from typing import NamedTuple

import pytest
from django.urls import URLResolver, get_resolver

from nimble.transport import Denied, refuse_denied
from tests.contract import spec
from tests.contract.test_client_operations import METHODS, asked, published

DOCUMENT = spec.HERE.parents[1] / "docs/nimble-operations.md"
ROW = re.compile(r"^\| `([\w-]+)` \| (`\w+`|never) \| (.+) \|$", re.MULTILINE)
# Their operations are about deals, whatever their paths.
TAGS = {"Deals", "Deals Fields", "Deals Pipelines", "Deals Pipelines Fields", "Tasks"}


class Row(NamedTuple):
    operation: str
    method: str
    reached: str


ROWS = [Row(*found) for found in ROW.findall(DOCUMENT.read_text())]


def routes() -> set[str]:
    spaces = [one for one in get_resolver().url_patterns if isinstance(one, URLResolver) and one.namespace]
    return {f"{one.namespace}:{name}" for one in spaces for name in one.reverse_dict if isinstance(name, str)}


@pytest.mark.skipif(not spec.is_there(), reason=f"THE TABLE IS NOT CHECKED: no specification at {spec.PUBLISHED}")
def test_table_has_every_operation_about_deals_once() -> None:
    items = [item[method] for item in spec.published()["paths"].values() for method in spec.METHODS if method in item]
    about_deals = sorted(one["operationId"] for one in items if TAGS & set(one.get("tags", [])))
    assert len(about_deals) > 40
    assert sorted(row.operation for row in ROWS) == about_deals


@pytest.mark.skipif(not spec.is_there(), reason=f"THE TABLE IS NOT CHECKED: no specification at {spec.PUBLISHED}")
def test_method_sends_the_operation_beside_it() -> None:
    for row in ROWS:
        if row.method != "never":
            assert asked(row.method.strip("`"))[0] == row.operation
            assert row.operation in published()


def test_every_method_about_deals_is_in_the_table() -> None:
    sent = {name: asked(name)[0] for name in METHODS}
    known = {row.operation for row in ROWS}
    named = {row.method.strip("`") for row in ROWS} | {"next_page"}
    assert {name for name, operation in sent.items() if operation in known} - named == set()


def test_what_the_client_never_sends_is_on_its_deny_list() -> None:
    assert [row.operation for row in ROWS if row.method == "never"] == ["post-deals-tags"]
    with pytest.raises(Denied):
        refuse_denied("POST", "/api/v2/deals/tags")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.operation)
def test_place_where_it_is_reached_exists(row: Row) -> None:
    named = re.findall(r"`(\w+:\w+)`", row.reached)
    assert named or "by itself" in row.reached or "not " in row.reached
    assert set(named) <= routes()
