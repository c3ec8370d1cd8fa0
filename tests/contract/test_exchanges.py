"""Every operation of the sandbox answers as the published specification says, with each switch flipped alone."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox import server, switches
from sandbox.exchange import OPERATIONS
from tests.contract import spec
from tests.contract.checker import Checker, check_exchange, check_record
from tests.contract.walk import Exchange, Walk
from tests.sandboxes import SandboxServer

pytestmark = pytest.mark.skipif(
    not spec.is_there(), reason=f"THE CONTRACT IS NOT CHECKED: no published specification at {spec.PUBLISHED}"
)
FLIPPED = [(name, position) for name, positions in switches.POSITIONS.items() for position in positions[1:]]
Walked = Callable[..., list[Exchange]]


@pytest.fixture(scope="module")
def walked() -> Iterator[Walked]:
    """The exchanges of one walk with these switches; each is walked once."""
    sandbox = SandboxServer(contacts=36, deals=24)
    found: dict[Any, list[Exchange]] = {}

    def walk(**positions: str) -> list[Exchange]:
        key = tuple(positions.items())
        if key not in found:
            sandbox.reset()
            sandbox.switch(**positions)
            found[key] = Walk(sandbox).all()
        return found[key]

    yield walk
    sandbox.close()


def test_every_operation_of_the_sandbox_is_walked(walked: Walked) -> None:
    assert server.OPERATION_MODULES
    paths = {(request.method, (request.path_url or "").partition("?")[0]) for request, _ in walked()}
    missing = [
        f"{one.method} {one.template}"
        for one in OPERATIONS
        if not any(method == one.method and one.pattern.match(path) for method, path in paths)
    ]
    assert missing == []


def test_every_operation_of_the_sandbox_is_published() -> None:
    published = spec.patched()["paths"]
    shapes = {(method.upper(), re.sub(r"\{\w+\}", "{}", path)) for path, item in published.items() for method in item}
    unknown = [
        f"{one.method} {one.template}"
        for one in OPERATIONS
        if (one.method, re.sub(r"\{\w+\}", "{}", one.template)) not in shapes
    ]
    assert unknown == []


def test_exchanges_with_every_switch_at_its_default(walked: Walked) -> None:
    for request, response in walked():
        check_exchange(request, response)


@pytest.mark.parametrize(("name", "position"), FLIPPED)
def test_exchanges_with_one_switch_flipped(walked: Walked, name: str, position: str) -> None:
    for request, response in walked(**{name: position}):
        check_exchange(request, response)


def _uses(deviation: spec.Deviation, document: dict[str, Any]) -> Callable[[Exchange], bool]:
    """Whether an exchange's operation can see the place that this deviation patches."""
    parts = [part.replace("~1", "/") for part in deviation.at.split("/")[1:]]
    if parts[0] == "components" and parts[1] == "schemas":
        paths = [path for path, item in document["paths"].items() if parts[2] in spec.reached(document, item)]
    else:
        paths = [parts[1]] if parts[0] == "paths" else list(document["paths"])
    patterns = [re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + r"\Z") for path in paths]

    about_errors = deviation.at.startswith("/components/schemas/Errors.")

    def uses(exchange: Exchange) -> bool:
        if about_errors and exchange[1].ok:
            return False
        path = (exchange[0].path_url or "").partition("?")[0]
        return any(pattern.match(path) for pattern in patterns)

    return uses


@pytest.mark.parametrize("deviation", spec.deviations(), ids=lambda deviation: deviation.at)
def test_deviation_is_needed_by_an_exchange(walked: Walked, deviation: spec.Deviation) -> None:
    without = Checker(spec.patched(without=deviation))
    uses = _uses(deviation, spec.patched())
    for positions in [{}, *({name: position} for name, position in FLIPPED)]:
        for exchange in filter(uses, walked(**positions)):
            if _breaks(without, exchange):
                return
    pytest.fail(f"nothing uses the deviation at {deviation.at}: take it out")


def _breaks(checker: Checker, exchange: Exchange) -> bool:
    request, response = exchange
    try:
        checker.check_response(request, response)
        if response.status_code != 409:
            checker.check_request(request)
    except Exception:  # openapi-core, jsonschema and unresolvable references each have their own
        return True
    return False


def test_an_answer_that_breaks_the_contract_is_refused(walked: Walked) -> None:
    request, response = next(one for one in walked() if one[0].path_url == "/api/v1/myself")
    broken = requests.Response()
    broken.status_code, broken.headers = response.status_code, response.headers
    broken._content = response.content.replace(b'"user_id"', b'"user"')
    with pytest.raises(Exception, match=r"user_id|InvalidData"):
        check_exchange(request, broken)


def test_a_request_that_breaks_the_contract_is_refused(walked: Walked) -> None:
    request, response = next(one for one in walked() if one[0].method == "PUT" and "/tags" in (one[0].path_url or ""))
    broken = request.copy()
    broken.body = b'{"tags": "one"}'
    broken.headers["Content-Length"] = str(len(broken.body))
    with pytest.raises(Exception, match="Request body"):
        check_exchange(broken, response)


def test_an_operation_that_nobody_published_is_refused(walked: Walked) -> None:
    request, response = walked()[0]
    broken = request.copy()
    broken.url = (request.url or "").replace("/myself", "/nobody")
    with pytest.raises(Exception, match="Path not found"):
        check_exchange(broken, response)


def test_what_another_process_said_is_checked_from_the_record(tmp_path: Path) -> None:
    path = tmp_path / "record"
    sandbox = SandboxServer(contacts=24, deals=16, record=path)
    try:
        walk = Walk(sandbox)
        walk.session.headers["User-Agent"] = "crmportal"
        walk.contacts()
        walk.notes()
        assert check_record(path) == len(walk.exchanges)
        walk.call("PUT", f"/api/v1/contacts/{walk.seen_contact()}/tags", {"tags": "not a list"}, expect=409)
        assert check_record(path) == len(walk.exchanges)
        assert str(walk.session.headers["Authorization"]).split()[1] not in path.read_text()
    finally:
        sandbox.close()
    text = path.read_text().splitlines()
    path.write_text(text[0].replace('"per_page"', '"a_page"', 1).replace('"meta"', '"mete"', 1) + "\n")
    with pytest.raises(Exception, match="InvalidData"):
        check_record(path)
