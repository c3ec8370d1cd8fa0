"""A portal of real processes for the module, with a sandbox that is big enough to work in."""

from collections.abc import Iterator

import pytest

from tests.processes import MakePortal, Portal


@pytest.fixture(scope="module")
def running(make_portal: MakePortal) -> Iterator[Portal]:
    portal = make_portal("--contacts", "200", "--deals", "60")
    yield portal
    assert portal.check_exchanges() > 20
