"""Signing in through Nimble, as a browser does it, up to the pages for what goes wrong."""

import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.utils import timezone

from nimble import tokens
from nimble.models import Claim, Connection, ConnectionState, Member, Workspace
from nimble.signals import connected
from nimble.signin.pages import Reason, failed
from tests.nimble.conftest import ADA, BJORN, ZOE
from tests.sandboxes import SandboxServer

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/nimble/login/"
CALLBACK = "/accounts/nimble/login/callback/"
ELSEWHERE = "https://crm.example.test"
User = get_user_model()


@pytest.fixture(scope="module")
def server():
    """A sandbox that knows two installations: one on loopback and one that others reach."""
    here = ["http://127.0.0.1:8000" + CALLBACK, ELSEWHERE + CALLBACK]
    server = SandboxServer(contacts=5, deals=3, redirect_uri=here)
    yield server
    server.close()


@pytest.fixture
def sandbox(server):
    server.reset()
    return server


@pytest.fixture
def site(settings, nimble):
    """An installation that others reach, so that a company must be admitted."""
    settings.PUBLIC_URL = ELSEWHERE
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = settings.SECURE_SSL_REDIRECT = False
    return nimble


@pytest.fixture
def admitted(site):
    return Workspace.objects.create(company_id=site.users[ADA]["company_id"])


def leave(client, **data) -> str:
    answer = client.post(LOGIN, data)
    assert answer.status_code == 302, answer.content
    return answer["Location"]


def come_back(client, location: str):
    parts = urlsplit(location)
    return client.get(f"{parts.path}?{parts.query}")


def sign_in(client, site, email: str = ADA, **data):
    return come_back(client, site.consent(leave(client, **data), email))


def text(answer) -> str:
    return answer.content.decode()


def test_login_asks_before_it_leaves(client, admitted):
    answer = client.get(LOGIN)
    assert (answer.status_code, "nimble/signin.html" in [t.name for t in answer.templates]) == (200, True)
    assert SocialApp.objects.get().client_id == "sandbox-client"


def test_login_sends_what_nimble_asks_for(client, admitted, site):
    parts = urlsplit(leave(client))
    sent = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == site.url + "/oauth/authorize"
    assert len(sent.pop("state")) >= 16
    assert set(sent.pop("scope").split(",")) == {"basic", "contacts", "deals"}
    assert sent == {
        "client_id": "sandbox-client",
        "response_type": "code",
        "redirect_uri": ELSEWHERE + CALLBACK,
    }


def test_login_ignores_what_the_query_asks_for(client, admitted):
    query = "?scope=admin&auth_params=prompt%3Dnone%26client_id%3Devil&process=connect"
    sent = parse_qs(urlsplit(client.post(LOGIN + query)["Location"]).query)
    assert "admin" not in sent["scope"][0]
    assert sent["client_id"] == ["sandbox-client"]
    assert "prompt" not in sent


def test_sign_in_connects_the_person(client, admitted, site):
    answer = sign_in(client, site)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    person = site.users[ADA]
    connection = Connection.objects.get()
    assert (connection.workspace, connection.nimble_user_id, connection.name, connection.email) == (
        admitted,
        person["user_id"],
        person["name"],
        ADA,
    )
    assert connection.is_usable
    assert connection.redirect_uri == ELSEWHERE + CALLBACK
    assert Connection.objects.active().for_user(connection.user).get() == connection
    assert Member.objects.get().name == person["name"]
    assert client.session["_auth_user_id"] == str(connection.user_id)
    assert tokens.access_token(connection) == SocialToken.objects.get().token


def test_sign_in_makes_no_staff_and_hands_over_no_address(client, admitted, site):
    sign_in(client, site)
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.has_usable_password(), user.email) == (False, False, False, "")
    assert not user.emailaddress_set.exists()
    assert set(SocialAccount.objects.get().extra_data) == {"user_id", "company_id", "name", "email"}


def test_sign_in_never_goes_by_the_address(client, admitted, site):
    operator = User.objects.create_superuser("root", email=ADA, password="a long enough password")
    sign_in(client, site)
    assert client.session["_auth_user_id"] != str(operator.pk)


def test_sign_in_leads_on_to_where_one_wanted_to_go(client, admitted, site):
    assert sign_in(client, site, next="/deals/?owner=me")["Location"] == "/deals/?owner=me"


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test", "javascript:alert(1)"])
def test_sign_in_leads_nowhere_else(client, admitted, site, target):
    assert sign_in(client, site, next=target)["Location"] == "/"


def test_second_sign_in_is_the_same_person_with_a_new_pair(client, admitted, site):
    sign_in(client, site)
    before = SocialToken.objects.get().token
    first = Connection.objects.get()
    tokens.mark_reconnect(first, "test")
    sign_in(client, site)
    again = Connection.objects.get()
    assert (again.pk, again.user_id, again.state, again.state_reason) == (first.pk, first.user_id, "active", "")
    assert again.generation > first.generation
    assert SocialToken.objects.get().token != before


def test_pair_of_a_former_client_id_is_dropped(client, admitted, site):
    sign_in(client, site)
    former = SocialApp.objects.create(provider="nimble", client_id="former", secret="s")
    SocialToken.objects.update(app=former, expires_at=timezone.now() + timedelta(days=9))
    SocialApp.objects.filter(client_id="sandbox-client").delete()
    present = SocialApp.objects.create(provider="nimble", client_id="sandbox-client", secret="sandbox-secret")
    sign_in(client, site)
    assert SocialToken.objects.get().app == present
    assert tokens.access_token(Connection.objects.get())


def test_somebody_else_in_the_same_browser_is_somebody_else(client, admitted, site):
    sign_in(client, site, ADA)
    sign_in(client, site, BJORN)
    assert Connection.objects.count() == 2
    bjorn = Connection.objects.get(nimble_user_id=site.users[BJORN]["user_id"])
    assert client.session["_auth_user_id"] == str(bjorn.user_id)
    ada = Connection.objects.exclude(pk=bjorn.pk).get()
    assert tokens.newest(ada).token != tokens.newest(bjorn).token


def test_person_whose_account_was_removed_finds_back(client, admitted, site):
    sign_in(client, site)
    before = Connection.objects.get()
    SocialAccount.objects.all().delete()
    before.refresh_from_db()
    assert not before.is_usable
    sign_in(client, site)
    after = Connection.objects.get()
    assert (after.pk, after.user_id, after.is_usable) == (before.pk, before.user_id, True)


def test_person_who_changed_companies_leaves_the_former(client, admitted, site):
    sign_in(client, site)
    connection = Connection.objects.get()
    former = Workspace.objects.create(company_id="former")
    Connection.objects.filter(pk=connection.pk).update(workspace=former)
    sign_in(client, site)
    old = Connection.objects.get(workspace=former)
    assert (old.state, old.is_usable) == (ConnectionState.LEFT, False)
    assert Connection.objects.active().get().workspace == admitted


def test_other_company_is_refused_and_leaves_nothing(client, admitted, site):
    answer = sign_in(client, site, ZOE)
    assert answer.status_code == 403
    assert "not admitted" in text(answer)
    assert "_auth_user_id" not in client.session
    assert [model.objects.count() for model in (User, SocialAccount, SocialToken)] == [0, 0, 0]


def test_first_company_needs_a_claim(client, site):
    assert sign_in(client, site).status_code == 403
    assert not Workspace.objects.exists()


def test_company_that_the_settings_name_needs_none(client, site, settings):
    settings.NIMBLE_COMPANY_ID = site.users[ADA]["company_id"]
    assert sign_in(client, site, ZOE).status_code == 403
    assert sign_in(client, site, ADA).status_code == 302
    assert Workspace.objects.get().company_id == settings.NIMBLE_COMPANY_ID


def test_installation_on_loopback_is_open_until_it_is_taken(client, nimble, settings):
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    assert sign_in(client, nimble, ADA).status_code == 302
    client.logout()
    assert sign_in(client, nimble, ZOE).status_code == 403
    assert sign_in(client, nimble, BJORN).status_code == 302


def test_inactive_user_is_refused_before_anything_is_stored(client, admitted, site):
    sign_in(client, site)
    client.logout()
    User.objects.update(is_active=False)
    before = SocialToken.objects.get().token
    assert sign_in(client, site).status_code == 403
    assert SocialToken.objects.get().token == before


def test_denied_consent_says_what_to_do(client, admitted, site):
    answer = come_back(client, site.consent(leave(client), ADA, decision="deny"))
    assert answer.status_code == 401
    assert "was not allowed" in text(answer)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("error=access_denied&error_descripton=Validation%20errors", "was not allowed"),
        ("error=invalid_request&error_description=Invalid%20URL", "client id"),
        ("error=server_error", "did not answer in time"),
        ("error=something_else", "without saying why"),
    ],
)
def test_errors_sent_back_without_a_state(client, admitted, query, words):
    answer = client.get(f"{CALLBACK}?{query}")
    assert words in text(answer)
    assert "Validation errors" not in text(answer)


def test_every_reason_has_words_of_its_own(rf, db):
    pages = {reason: text(failed(rf.get("/"), reason)).partition("</h1>")[2].partition("btn")[0] for reason in Reason}
    assert len(set(pages.values())) == len(Reason)


def test_error_texts_are_never_shown(client, admitted):
    answer = client.get(CALLBACK, {"error": "x", "error_description": "CANARY-1", "error_descripton": "CANARY-2"})
    assert "CANARY" not in text(answer)


@pytest.mark.parametrize("query", ["", "?code=abc", "?code=abc&state=unknown"])
def test_answer_without_our_state_is_refused(client, admitted, query):
    answer = client.get(CALLBACK + query)
    assert answer.status_code == 401
    assert "not started in this browser" in text(answer)


def test_answer_counts_once(client, admitted, site):
    back = site.consent(leave(client), ADA)
    assert come_back(client, back).status_code == 302
    assert come_back(client, back).status_code == 401


def test_code_that_was_used_up(client, admitted, site):
    location = leave(client)
    state = parse_qs(urlsplit(location).query)["state"][0]
    answer = client.get(CALLBACK, {"code": "used-up", "state": state})
    assert answer.status_code == 401
    assert "too old" in text(answer)


def test_wrong_secret_is_the_operators_to_mend(client, admitted, site, settings):
    settings.NIMBLE_CLIENT_SECRET = "wrong"
    answer = sign_in(client, site)
    assert answer.status_code == 503
    assert ELSEWHERE + CALLBACK in text(answer)


def test_without_a_client_id_the_login_says_so(client, site, settings):
    settings.NIMBLE_CLIENT_ID = ""
    assert client.get(LOGIN).status_code == 503
    assert client.post(LOGIN).status_code == 503
    assert client.get(CALLBACK + "?code=x").status_code == 503


@pytest.mark.broken_answers
@pytest.mark.parametrize("path", ["/api/oauth/token", "/api/v1/myself"])
@pytest.mark.parametrize("fault", [{"cut": "before"}, {"status": 500}, {"html": True}, {"status": 429, "body": {}}])
def test_nimble_in_trouble_gets_a_page_of_its_own(client, admitted, site, path, fault):
    site.fault(path=path, times=0, **fault)
    answer = sign_in(client, site)
    assert answer.status_code == 503
    assert "did not answer in time" in text(answer)
    assert not User.objects.exists()


@pytest.mark.parametrize("path", ["/api/oauth/token", "/api/v1/myself"])
def test_nobody_waits_longer_than_five_seconds(client, admitted, site, path):
    site.fault(path=path, delay_ms=7000)
    back = site.consent(leave(client), ADA)
    started = time.monotonic()
    assert come_back(client, back).status_code == 503
    assert time.monotonic() - started < 5.5


@pytest.mark.broken_answers
def test_person_without_an_id_is_not_let_in(client, admitted, site):
    for wrong in ({"user_id": ""}, {"user_id": 5}, {"company_id": None}, {"user_id": "x" * 65}, {"user_id": "a\nb"}):
        person = {"name": "x", "email": ADA, "user_id": "u", "company_id": admitted.company_id, "company_size": 1}
        site.fault(path="/api/v1/myself", body={**person, **wrong})
        assert sign_in(client, site).status_code == 503
    assert not User.objects.exists()


def test_nothing_of_oauth_lands_in_a_log(client, admitted, site, caplog):
    caplog.set_level(0)
    back = site.consent(leave(client), ADA)
    come_back(client, back)
    stored = SocialToken.objects.get()
    code = parse_qs(urlsplit(back).query)["code"][0]
    for secret in (stored.token, stored.token_secret, code, "sandbox-secret"):
        assert secret not in caplog.text


def test_nothing_of_oauth_lands_in_the_session(client, admitted, site):
    sign_in(client, site)
    stored = SocialToken.objects.get()
    kept = str([session.get_decoded() for session in Session.objects.all()])
    assert "_auth_user_id" in kept
    for secret in (stored.token, stored.token_secret, "sandbox-secret"):
        assert secret not in kept


@pytest.mark.django_db(transaction=True)
def test_those_who_listen_hear_of_a_connection(client, admitted, site):
    heard = []

    def listen(connection, **kwargs):
        heard.append((connection.pk, Connection.objects.get(pk=connection.pk).is_usable))
        raise RuntimeError("a listener's own trouble")

    connected.connect(listen)
    try:
        assert sign_in(client, site).status_code == 302
    finally:
        connected.disconnect(listen)
    assert heard == [(Connection.objects.get().pk, True)]


def test_local_sign_up_is_closed(client, admitted):
    client.post("/accounts/signup/", {"username": "me", "password1": "a long enough 1", "password2": "a long enough 1"})
    assert not User.objects.exists()


def test_account_is_not_disconnected_behind_our_back(client, admitted, site):
    sign_in(client, site)
    account = SocialAccount.objects.get()
    client.post("/accounts/3rdparty/", {"account": account.pk})
    assert SocialAccount.objects.filter(pk=account.pk).exists()


class TestClaim:
    def link(self) -> str:
        return f"/claim/{Claim.objects.issue()}/"

    def test_link_leads_in_and_is_used_up(self, client, site):
        link = self.link()
        assert client.get(link).status_code == 200
        answer = client.post(link)
        assert (answer.status_code, answer["Location"]) == (302, LOGIN)
        assert sign_in(client, site).status_code == 302
        assert Workspace.objects.get().company_id == site.users[ADA]["company_id"]
        claim = Claim.objects.get()
        assert (claim.used_by, claim.used_at is not None) == (Connection.objects.get().user, True)
        assert client.get(link).status_code == 410

    def test_looking_at_the_link_admits_nobody(self, client, site):
        client.get(self.link())
        assert sign_in(client, site).status_code == 403

    def test_link_admits_one_company_only(self, client, django_client_factory, site):
        link = self.link()
        other = django_client_factory()
        for browser in (client, other):
            browser.post(link)
        assert sign_in(client, site, ADA).status_code == 302
        assert sign_in(other, site, ZOE).status_code == 403
        assert Workspace.objects.count() == 1

    def test_link_ends_after_a_day(self, client, site, time_machine):
        link = self.link()
        client.post(link)
        time_machine.move_to(timezone.now() + timedelta(hours=24, seconds=1))
        assert client.get(link).status_code == 410
        assert sign_in(client, site).status_code == 403

    def test_new_link_ends_the_one_before(self, client, db):
        before, now = self.link(), self.link()
        assert (client.get(before).status_code, client.get(now).status_code) == (410, 200)

    def test_unknown_link(self, client, db):
        for method in (client.get, client.post):
            assert method("/claim/nothing/").status_code == 410

    def test_button_is_safe_from_other_sites(self, django_client_factory, db):
        assert django_client_factory(enforce_csrf_checks=True).post(self.link()).status_code == 403

    def test_token_is_stored_as_a_hash(self, db):
        token = Claim.objects.issue()
        assert token not in str(Claim.objects.values().get())


def test_disconnect_removes_the_tokens_and_keeps_the_mirror(client, admitted, site):
    sign_in(client, site)
    answer = client.post("/connection/disconnect/")
    assert answer.status_code == 302
    assert [str(message) for message in get_messages(answer.wsgi_request)]
    connection = Connection.objects.get()
    assert (connection.state, SocialToken.objects.count()) == (ConnectionState.DISCONNECTED, 0)
    sign_in(client, site)
    connection.refresh_from_db()
    assert connection.is_usable


def test_disconnect_is_ones_own_and_by_post(client, admitted, site, django_client_factory):
    sign_in(client, site)
    assert client.get("/connection/disconnect/").status_code == 405
    stranger = django_client_factory()
    assert stranger.post("/connection/disconnect/").status_code == 302
    stranger.force_login(User.objects.create_user("stranger"))
    stranger.post("/connection/disconnect/")
    assert Connection.objects.get().is_usable
