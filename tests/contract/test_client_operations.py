"""Every method of the client sends the operation that it names, as it is published: method, path and parameters."""

import inspect
import re
from typing import Any

import pytest

from nimble.client import Client
from tests.contract import spec

pytestmark = pytest.mark.skipif(
    not spec.is_there(), reason=f"THE CLIENT IS NOT CHECKED: no published specification at {spec.PUBLISHED}"
)
METHODS = sorted(
    name
    for name, _ in inspect.getmembers(Client, inspect.isfunction)
    if not name.startswith("_") and name not in ("call", "ready")
)
# Asked for though the published file does not have it: the prose lists the team there.
UNPUBLISHED = {"company-users"}


class Asked(Exception):
    """Instead of sending."""


class Silent(Client):
    """Notes what would be sent."""

    def __init__(self) -> None:
        pass

    def call(self, operation: str, method: str, path: str, **request: Any) -> dict[str, Any]:
        raise Asked(operation, method, path, request)


def asked(name: str) -> tuple[str, str, str, dict[str, Any]]:
    method = getattr(Silent(), name)
    given: dict[str, Any] = {}
    for parameter in inspect.signature(method).parameters.values():
        if parameter.default is not inspect.Parameter.empty:
            continue
        kind = str(parameter.annotation)
        given[parameter.name] = {} if "Mapping" in kind else ["x"] if "Iterable" in kind else kind == "bool" or "x"
    if name == "next_page":
        given["next_page_url"] = "/api/v2/deals/pipelines/x/deals?page=2"
    with pytest.raises(Asked) as error:
        method(**given)
    return error.value.args  # type: ignore[return-value]


def published() -> dict[str, tuple[str, str]]:
    found = {}
    for path, item in spec.patched()["paths"].items():
        for method in spec.METHODS:
            if method in item and "operationId" in item[method]:
                found[item[method]["operationId"]] = (method.upper(), path)
    return found


@pytest.mark.parametrize("name", METHODS)
def test_client_method_sends_the_operation_it_names(name: str) -> None:
    operation, method, path, _request = asked(name)
    if operation in UNPUBLISHED:
        return
    assert operation in published(), f"{name}: there is no operation {operation}"
    expected, template = published()[operation]
    pattern = re.sub(r"\{\w+\}", "[^/]+", template)
    assert method == expected
    assert re.fullmatch(pattern, path.partition("?")[0]), f"{name}: {path} is not {template}"
