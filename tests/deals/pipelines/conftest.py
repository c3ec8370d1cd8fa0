"""Ada, who owns the company and made its pipelines, at the pages of one of them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deals.models import Pipeline
from deals.pipelines.page import Page
from nimble.models import Connection
from sync import outbox
from sync.models import Edit, State
from tests.deals.conftest import browser

Post = Callable[..., Any]


@pytest.fixture
def web(mirror: Connection) -> Client:
    """A browser in which Ada is signed in."""
    return browser(mirror.user)


@pytest.fixture
def pipeline(mirror: Connection) -> Pipeline:
    return Pipeline.objects.get(name="New business")


@pytest.fixture
def post(web: Client, pipeline: Pipeline) -> Post:
    """Send a form of the pipeline's pages, as its page hands it out; then deliver what came of it."""

    def send(route: str, *args: object, deliver: bool = True, **data: Any) -> Any:
        url = reverse(f"deals:{route}", args=[pipeline.pk, *map(str, args)])
        answer = web.post(url, data)
        if deliver and answer.status_code == 302:
            outbox.deliver()
            pipeline.refresh_from_db()
        return answer

    return send


def there(nimble: Any, pipeline: Pipeline) -> dict[str, Any]:
    """The pipeline as Nimble has it."""
    return dict(nimble.object("pipeline", pipeline.nimble_id))


def page(pipeline: Pipeline, connection: Connection) -> Page:
    pipeline.refresh_from_db()
    return Page(pipeline, connection.user)


def states() -> set[str]:
    return set(Edit.objects.values_list("state", flat=True))


CONFIRMED = {State.CONFIRMED}
