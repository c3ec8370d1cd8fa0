"""Checks one exchange, in both directions, against the patched specification.

`check_exchange(request, response)` takes what `requests` sent and got: from a response hook, for example.
"""

from functools import cache
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
