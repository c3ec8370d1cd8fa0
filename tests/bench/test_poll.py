"""What an idle poll costs the server: session, person, connection and counter, behind the middlewares before it."""

import time
from statistics import median

import pytest
from django.core.handlers.base import BaseHandler
from django.db import connection as database
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deals.models import Pipeline
from nimble.models import Connection
from sync import polls
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

POLLS = 200
ROUNDS = 5


def test_idle_poll_of_the_board(ada: Connection, capsys: pytest.CaptureFixture[str]):
    factories.mirrored(ada, deals=50, contacts=20)
    client = Client()
    client.force_login(ada.user, backend="django.contrib.auth.backends.ModelBackend")
    number = polls.upto(type(ada.user).objects.get(pk=ada.user_id))
    address = reverse("deals:live", args=[Pipeline.objects.order_by("pk")[0].pk])
    handler = BaseHandler()
    handler.load_middleware()
    factory = RequestFactory()

    def poll() -> None:
        request = factory.get(address, headers={"After-Event": str(number), "HX-Current-URL": f"http://x{address}"})
        request.COOKIES["sessionid"] = client.cookies["sessionid"].value
        response = handler.get_response(request)
        assert response.status_code == 204

    def made() -> None:
        factory.get(address, headers={"After-Event": str(number), "HX-Current-URL": f"http://x{address}"})

    def seconds(run: object) -> float:
        started = time.process_time()
        for _ in range(POLLS):
            run()  # type: ignore[operator]
        return (time.process_time() - started) / POLLS

    poll()
    with CaptureQueriesContext(database) as asked:
        poll()
    spent = median(seconds(poll) for _ in range(ROUNDS)) - median(seconds(made) for _ in range(ROUNDS))
    with capsys.disabled():
        print(
            f"\nidle poll: {spent * 1000:.2f} ms of processor time, {len(asked)} statements; "
            f"a hundred a second take {spent * 100:.1%} of a core"
        )
    assert spent < 0.001
