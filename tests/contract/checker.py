"""Checks one exchange, in both directions, against the patched specification.

`check_exchange(request, response)` takes what `requests` sent and got: from a response hook, for example.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import requests
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse

from tests.contract import spec

HOST = "https://app.nimble.com"
# Not part of the specification; the prose describes them.
NOT_PUBLISHED = ("/oauth/authorize", "/api/oauth/token")


class _Request(RequestsOpenAPIRequest):
    """The request as if it had gone to Nimble itself."""

    @property
    def host_url(self) -> str:
        return HOST


class Checker:
    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.openapi = OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))

    def check_request(self, request: requests.PreparedRequest) -> None:
        self.openapi.validate_request(_Request(request))

    def check_response(self, request: requests.PreparedRequest, response: requests.Response) -> None:
        self.openapi.validate_response(_Request(request), RequestsOpenAPIResponse(response))


@cache
def checker() -> Checker:
    return Checker(spec.patched())


def is_published(request: requests.PreparedRequest) -> bool:
    return (request.path_url or "").partition("?")[0] not in NOT_PUBLISHED


def check_exchange(request: requests.PreparedRequest, response: requests.Response) -> None:
    """Raises openapi-core's error, or `AssertionError` with its reasons, if either side breaks the contract."""
    if not is_published(request):
        return
    checker().check_response(request, response)
    # What was refused as malformed need not be well-formed.
    if response.status_code != 409:
        checker().check_request(request)


def check_record(path: Path, agent: str = "crmportal") -> int:
    """Checks what the sandbox wrote down (`--record`) of one client's exchanges; how many there were."""
    checked = 0
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            if one["agent"].startswith(agent):
                check_exchange(*_exchange(one))
                checked += 1
    return checked


def _exchange(one: dict[str, Any]) -> tuple[requests.PreparedRequest, requests.Response]:
    headers = {"Authorization": "Bearer recorded"} if one["authorized"] else {}
    if one["type"]:
        headers["Content-Type"] = one["type"]
    url = HOST + one["target"]
    request = requests.Request(one["method"], url, headers=headers, data=one["body"] or None).prepare()
    response = requests.Response()
    response.status_code = one["status"]
    response.headers["Content-Type"] = "application/json"
    response._content = b"" if one["answer"] is None else json.dumps(one["answer"]).encode()
    return request, response
