"""Who looks at which pages, taken from the requests that come anyway."""

from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.urls import Resolver404, resolve

from sync import interest, registry


def noted(request: HttpRequest, user: Any, default: str = "") -> None:
    """This person looks at a page. A fragment that asks for itself speaks for the page it stands on, when it is seen;
    `default` is the namespace of one that names none.
    """
    if "HTTP_X_PAGE_HIDDEN" in request.META:
        return
    address = request.META.get("HTTP_HX_CURRENT_URL", "")
    shown = _namespace(address, default) if address else default
    interest.looked(user, shown if shown in _pages() else "")


@cache
def _pages() -> frozenset[str]:
    return frozenset().union(*(spec.pages for spec in registry.streams()))


def _namespace(address: str, default: str) -> str:
    try:
        return resolve(urlsplit(address).path).namespace
    except Resolver404:
        return default
