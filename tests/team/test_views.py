"""Home, profile, preferences and the pages for what went wrong."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.http import QueryDict
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from nimble.models import Connection, ConnectionState
from sync.clock import database_now
from sync.models import Stream
from team import views
from team.models import Profile
from tests import factories
from tests.sync.pages import signed_in, text, workers_alive

pytestmark = pytest.mark.django_db

# Session, person, profile, and the shell's five: the connection, the counts, the streams, whether Nimble answers, and
# what is unread.
SHELL_QUERIES = 6


def test_home_asks_a_visitor_to_sign_in():
    answer = Client().get("/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/")


def test_sign_in_that_a_poll_asked_for_leads_back_to_its_page():
    page = "http://testserver/deals/pipelines/1/?q=a%20b&tag=x"
    answer = Client().get("/sync/chip/?x=1", headers={"HX-Request": "true", "HX-Current-URL": page})
    to, _question, query = answer["HX-Redirect"].partition("?")
    assert (answer.status_code, to) == (204, "/accounts/login/")
    assert QueryDict(query).dict() == {"next": "/deals/pipelines/1/?q=a%20b&tag=x"}
    # Without a page that is known, it is what was asked for.
    alone = Client().get("/sync/chip/", headers={"HX-Request": "true"})
    assert alone["HX-Redirect"] == "/accounts/login/?next=/sync/chip/"


def test_home_leads_a_new_person_to_connect():
    client = Client()
    client.force_login(get_user_model().objects.create_user("new"))
    answer = client.get("/")
    assert "Connect your Nimble account" in text(answer)
    assert 'method="post" action="/accounts/nimble/login/"' in answer.content.decode()


def test_home_tells_an_operator_where_the_administration_is():
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    answer = client.get("/")
    assert "You look after this installation" in text(answer)
    assert 'href="/admin/"' in answer.content.decode()


def test_home_shows_the_first_sync_and_then_offers_the_board(ada: Connection):
    workers_alive()
    client = signed_in(ada)
    assert "Your records are coming over" in text(client.get("/"))
    factories.mirrored(ada)
    assert client.get("/")["Location"] == "/deals/"
    # Who watches the bars is not torn away from them.
    watched = client.get("/", headers={"HX-Request": "true"})
    assert (watched.status_code, "Open the board" in text(watched)) == (200, True)


def test_home_says_that_no_worker_runs_once_one_should_have_shown_itself(ada: Connection):
    words = "The fetching worker has not been seen yet"
    Connection.objects.filter(pk=ada.pk).update(last_seen_at=database_now())
    assert words not in text(signed_in(ada).get("/"))
    Connection.objects.filter(pk=ada.pk).update(last_seen_at=database_now() - timedelta(minutes=1))
    assert words in text(signed_in(ada).get("/"))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ConnectionState.RECONNECT, "Nimble no longer accepts your sign-in here."),
        (ConnectionState.DISCONNECTED, "You are disconnected from Nimble"),
        (ConnectionState.LEFT, "You are disconnected from Nimble"),
    ],
)
def test_home_asks_to_reconnect(ada: Connection, state: str, words: str):
    Connection.objects.filter(pk=ada.pk).update(state=state)
    assert words in text(signed_in(ada).get("/"))


def test_home_runs_a_fixed_number_of_queries(ada: Connection):
    client = signed_in(ada)
    client.get("/")
    Stream.objects.filter(connection=ada).delete()
    for _ in range(2):
        with CaptureQueriesContext(database) as captured:
            client.get("/")
        assert len(captured) == SHELL_QUERIES
        factories.mirrored(ada)
        Stream.objects.filter(connection=ada).update(completed_at=None)


def test_profile_tells_who_is_connected_and_what_disconnecting_means(ada: Connection):
    page = text(signed_in(ada).get("/profile/"))
    for words in (
        ada.name,
        ada.email,
        "Connected",
        "Disconnecting removes the portal's access",
        "Where you are signed in",
    ):
        assert words in page
    assert "Two-factor authentication" not in page


def test_profile_of_a_password_account_leads_to_its_second_factor():
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root", "", "a long password"))
    answer = client.get("/profile/")
    assert 'href="/accounts/2fa/"' in answer.content.decode()
    assert "No Nimble account is connected." in text(answer)


def test_profile_is_kept_and_its_own_persons_alone(ada: Connection):
    client = signed_in(ada)
    form = {"theme": "dark", "language": "de", "time_zone": "Asia/Kathmandu"}
    answer = client.post("/profile/", form)
    assert (answer.status_code, answer["Location"]) == (302, "/profile/")
    profile = Profile.objects.get()
    assert (profile.user, profile.theme, profile.language, profile.time_zone, profile.keys) == (
        ada.user,
        "dark",
        "de",
        "Asia/Kathmandu",
        False,
    )
    page = client.get("/profile/").content.decode()
    assert 'lang="de"' in page
    assert 'data-theme="dark"' in page
    assert 'data-keys="off"' in page
    # The pages before the sign-in know nobody's profile.
    assert (answer.cookies["theme"].value, answer.cookies["django_language"].value) == ("dark", "de")


@pytest.mark.parametrize("wrong", [{"theme": "pink"}, {"language": "xx"}, {"time_zone": "Mars/Olympus"}])
def test_profile_refuses_what_it_does_not_know(ada: Connection, wrong: dict[str, str]):
    answer = signed_in(ada).post("/profile/", {"theme": "dark", "language": "de", "time_zone": "", **wrong})
    assert (answer.status_code, Profile.objects.count()) == (422, 0)
    assert "is not one of the available choices" in text(answer)


def test_preferences_change_one_thing_and_lead_back(ada: Connection):
    client = signed_in(ada)
    Profile.objects.create(user=ada.user, language="de", theme="light")
    answer = client.post("/profile/preferences/", {"theme": "dark", "next": "/sync/?x=1"})
    assert answer["Location"] == "/sync/?x=1"
    profile = Profile.objects.get()
    assert (profile.theme, profile.language) == ("dark", "de")


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test/", "/\\evil.test", "javascript:alert(1)"])
def test_preferences_lead_nobody_off_the_site(ada: Connection, target: str):
    answer = signed_in(ada).post("/profile/preferences/", {"theme": "dark", "next": target})
    assert answer["Location"] == "/profile/"


def test_preferences_ignore_what_they_do_not_know(ada: Connection):
    signed_in(ada).post("/profile/preferences/", {"theme": "pink"})
    assert Profile.objects.count() == 0


def test_time_is_shown_by_the_readers_clock(ada: Connection):
    Profile.objects.create(user=ada.user, time_zone="Pacific/Kiritimati")
    factories.mirrored(ada)
    answer = signed_in(ada).get("/sync/")
    assert "+14:00" in answer.content.decode()


def test_time_zone_that_no_longer_exists_falls_back(ada: Connection):
    Profile.objects.create(user=ada.user, time_zone="Mars/Olympus")
    assert signed_in(ada).get("/profile/").status_code == 200


def test_healthz_answers_anybody_without_a_query(django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = Client().get("/healthz")
    assert answer.json() == {"status": "ok"}


def test_not_found_is_a_page_with_a_reference(ada: Connection):
    answer = signed_in(ada).get("/nowhere/")
    assert answer.status_code == 404
    assert f"Reference to quote: {answer['X-Request-ID']}" in text(answer)


def test_form_without_its_token_is_explained(ada: Connection):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada.user)
    answer = client.post("/sync/now/")
    assert (answer.status_code, "This form is no longer good" in text(answer)) == (403, True)


def test_server_error_needs_no_database(django_assert_num_queries):
    request = RequestFactory().get("/")
    request.request_id = "abc123"  # type: ignore[attr-defined]
    with django_assert_num_queries(0):
        answer = views.server_error(request)
    assert (answer.status_code, "abc123" in text(answer)) == (500, True)


@pytest.mark.parametrize("path", ["/", "/profile/", "/sync/"])
def test_page_obeys_the_policy_and_is_not_shared(ada: Connection, path: str):
    answer = signed_in(ada).get(path)
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert "HX-Request" in answer["Vary"]
    page = answer.content.decode()
    assert (" style=" in page, "<script>" in page, " onclick=" in page) == (False, False, False)


@pytest.mark.parametrize(
    ("state", "title", "back"),
    [
        (ConnectionState.RECONNECT, "Nimble no longer accepts your sign-in here", True),
        (ConnectionState.ACTIVE, "There is nothing here", False),
    ],
)
def test_record_that_cannot_be_shown_says_whether_reconnecting_helps(
    ada: Connection, state: str, title: str, back: bool
):
    Connection.objects.filter(pk=ada.pk).update(state=state)
    answer = signed_in(ada).get("/deals/4711/")
    assert (answer.status_code, title in text(answer)) == (404, True)
    assert ("you are back on this page" in text(answer)) == back
