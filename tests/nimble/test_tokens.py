"""Renewing tokens: once, whoever else wants to, and never over what a new sign-in stored."""

import threading
import time
from datetime import timedelta

import pytest
from allauth.socialaccount.models import SocialToken
from django.db import connection as database
from django.utils import timezone

from nimble import errors, tokens
from nimble.models import Connection, ConnectionState
from tests.nimble.conftest import ADA, REDIRECT_URI, expire
from tests.nimble.processes import workers

TOKEN_PATH = "/api/oauth/token"


def refreshes(nimble) -> list[int]:
    return [entry["status"] for entry in nimble.log() if entry["path"].startswith(TOKEN_PATH)]


def pair(connection: Connection) -> tuple[str, str]:
    stored = tokens.newest(connection)
    return stored.token, stored.token_secret


@pytest.mark.django_db
class TestOneProcess:
    def test_fresh_token_is_used_as_it_is(self, connect, nimble):
        connection = connect()
        assert tokens.access_token(connection) == pair(connection)[0]
        assert refreshes(nimble) == []

    @pytest.mark.parametrize("rotation", ["on", "off"])
    def test_expired_token_is_renewed_and_stored(self, connect, nimble, rotation):
        nimble.switch(rotation=rotation)
        connection = connect()
        before = pair(connection)
        for generation in (1, 2):
            expire(connection)
            token = tokens.access_token(connection)
            connection.refresh_from_db()
            assert token == pair(connection)[0] != before[0]
            assert (connection.generation, connection.lease_token) == (generation, "")
        assert (pair(connection)[1] == before[1]) is (rotation == "off")
        assert tokens.newest(connection).expires_at > timezone.now() + timedelta(seconds=500)
        assert refreshes(nimble) == [200, 200]

    def test_refresh_sends_what_the_grant_was_given_for(self, connect, nimble):
        connection = connect()
        Connection.objects.filter(pk=connection.pk).update(redirect_uri=REDIRECT_URI + "other")
        expire(connection)
        with pytest.raises(errors.NeedsReconnect):
            tokens.access_token(connection)

    def test_token_is_renewed_a_minute_before_its_end(self, connect, nimble):
        connection = connect()
        for left, renewed in ((61, []), (59, [200])):
            ends = timezone.now() + timedelta(seconds=left)
            SocialToken.objects.update(expires_at=ends)
            Connection.objects.update(token_refreshed_at=ends - timedelta(seconds=599))
            tokens.access_token(connection)
            assert refreshes(nimble) == renewed

    def test_margin_is_less_than_a_quarter_of_a_short_lifetime(self, connect, nimble):
        nimble.set(token_lifetime=8)
        connection = connect()
        expire(connection)
        first = tokens.access_token(connection)
        assert tokens.access_token(connection) == first
        assert refreshes(nimble) == [200]

    def test_refused_token_is_renewed_though_it_looks_fresh(self, connect, nimble):
        connection = connect()
        before = pair(connection)[0]
        assert tokens.access_token(connection, refused=before) != before
        assert refreshes(nimble) == [200]

    def test_refused_token_that_was_replaced_meanwhile_is_not_renewed_again(self, connect, nimble):
        connection = connect()
        assert tokens.access_token(connection, refused="an older one") == pair(connection)[0]
        assert refreshes(nimble) == []

    def test_token_without_an_end_is_used_until_refused(self, connect, nimble):
        connection = connect()
        SocialToken.objects.update(expires_at=None)
        assert tokens.access_token(connection) == pair(connection)[0]

    def test_revoked_grant_asks_to_reconnect_once(self, connect, nimble):
        connection = connect()
        nimble.revoke(ADA)
        expire(connection)
        for _ in range(3):
            with pytest.raises(errors.NeedsReconnect) as caught:
                tokens.access_token(connection)
            assert caught.value.reconnect
        connection.refresh_from_db()
        assert (connection.state, connection.is_usable) == (ConnectionState.RECONNECT, False)
        assert connection.state_reason
        assert refreshes(nimble) == [400]

    def test_pair_lost_on_its_way_asks_to_reconnect_once(self, connect, nimble):
        """Nimble rotated, the answer never came: the stored token is dead, and nobody keeps trying it."""
        nimble.switch(rotation="on")
        connection = connect()
        expire(connection)
        nimble.fault(path=TOKEN_PATH, cut="after")
        with pytest.raises(errors.NoAnswer) as caught:
            tokens.access_token(connection)
        assert not caught.value.ambiguous
        for _ in range(2):
            with pytest.raises(errors.NeedsReconnect):
                tokens.access_token(connection)
        assert len(refreshes(nimble)) == 2

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            ({"cut": "before"}, errors.NoAnswer),
            ({"status": 500, "body": {"code": 107}}, errors.ServerError),
            ({"status": 503, "headers": {"Retry-After": "9"}, "body": {}}, errors.RateLimited),
            ({"html": True}, errors.BadAnswer),
            ({"status": 401, "body": {"error": "invalid_client"}}, errors.AppRefused),
        ],
    )
    def test_failure_leaves_the_pair_and_gives_the_lease_back(self, connect, nimble, fault, kind):
        connection = connect()
        before = pair(connection)
        expire(connection)
        nimble.fault(path=TOKEN_PATH, **fault)
        with pytest.raises(kind) as caught:
            tokens.access_token(connection)
        assert (caught.value.retryable, caught.value.ambiguous) == (True, False)
        connection.refresh_from_db()
        assert pair(connection) == before
        assert (connection.state, connection.lease_token) == (ConnectionState.ACTIVE, "")
        assert tokens.access_token(connection) != before[0]

    def test_error_says_nothing_of_what_oauth_answered(self, connect, nimble, caplog):
        caplog.set_level(0)
        connection = connect()
        expire(connection)
        body = {"error": "invalid_client", "error_description": "CANARY", "refresh_token": "CANARY"}
        nimble.fault(path=TOKEN_PATH, status=400, body=body)
        with pytest.raises(errors.AppRefused) as caught:
            tokens.access_token(connection)
        assert "CANARY" not in repr(caught.value) + str(vars(caught.value)) + caplog.text

    def test_missing_tokens_ask_to_reconnect(self, connect):
        connection = connect()
        SocialToken.objects.all().delete()
        with pytest.raises(errors.NeedsReconnect):
            tokens.access_token(connection)
        connection.refresh_from_db()
        assert connection.state == ConnectionState.RECONNECT

    def test_lease_that_ended_is_taken_over(self, connect, nimble):
        connection = connect()
        expire(connection)
        gone = timezone.now() - timedelta(seconds=1)
        Connection.objects.update(lease_token="of a dead process", lease_until=gone)
        assert tokens.access_token(connection)
        assert refreshes(nimble) == [200]

    def test_lease_that_is_held_is_waited_for_and_not_for_ever(self, connect, nimble, monkeypatch):
        monkeypatch.setattr(tokens, "WAIT", 0.3)
        connection = connect()
        expire(connection)
        Connection.objects.update(lease_token="of another", lease_until=timezone.now() + timedelta(seconds=20))
        with pytest.raises(errors.Paced):
            tokens.access_token(connection)
        assert refreshes(nimble) == []

    def test_forget_removes_the_tokens_and_keeps_the_rest(self, connect):
        connection = connect()
        tokens.forget(connection)
        assert (connection.state, connection.generation) == (ConnectionState.DISCONNECTED, 1)
        assert not SocialToken.objects.exists()
        with pytest.raises(errors.NeedsReconnect):
            tokens.access_token(connection)


@pytest.mark.django_db(transaction=True)
class TestManyProcesses:
    """Committed data, other processes, and a database that they really share."""

    @pytest.mark.parametrize("rotation", ["on", "off"])
    def test_eight_workers_with_one_expired_token_renew_it_once(self, connect, nimble, rotation):
        nimble.switch(rotation=rotation)
        connection = connect()
        expire(connection)
        nimble.fault(path=TOKEN_PATH, delay_ms=400)
        with workers(8, connection) as started:
            for worker in started:
                worker.ask()
            got = {worker.hear() for worker in started}
            assert got == {pair(connection)[0]}
            assert refreshes(nimble) == [200]
            # All of them are refused at once, as when Nimble revokes it before its time.
            nimble.revoke(ADA, what="access")
            for worker in started:
                worker.ask(refused=got.copy().pop())
            again = {worker.hear() for worker in started}
        assert again == {pair(connection)[0]} != got
        assert refreshes(nimble) == [200, 200]
        connection.refresh_from_db()
        assert (connection.state, connection.generation) == (ConnectionState.ACTIVE, 2)

    @pytest.mark.parametrize("apart", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "behind"])
    def test_worker_whose_clock_is_wrong_waits_for_a_renewal_and_begins_none_of_its_own(self, connect, nimble, apart):
        nimble.switch(rotation="on")
        connection = connect()
        expire(connection)
        nimble.fault(path=TOKEN_PATH, hang_ms=1500)
        with workers(2, connection, apart=apart) as [right, wrong]:
            right.ask()
            wait_for_lease(connection)
            wrong.ask()
            assert [right.hear(), wrong.hear()] == [pair(connection)[0]] * 2
            # What either stores means the same to both.
            nimble.revoke(ADA, what="access")
            wrong.ask(refused=pair(connection)[0])
            renewed = wrong.hear()
            right.ask()
            assert right.hear() == pair(connection)[0] == renewed
            wrong.ask()
            assert wrong.hear() == renewed
        assert refreshes(nimble) == [200, 200]
        connection.refresh_from_db()
        assert connection.state == ConnectionState.ACTIVE

    def test_nobody_waits_for_a_renewal_to_write(self, connect, nimble):
        connection = connect()
        expire(connection)
        nimble.fault(path=TOKEN_PATH, delay_ms=1500)
        with workers(1, connection) as [worker]:
            worker.ask()
            wait_for_lease(connection)
            started = time.monotonic()
            for number in range(20):
                Connection.objects.filter(pk=connection.pk).update(name=f"Ada {number}")
            took = time.monotonic() - started
            assert worker.hear() == pair(connection)[0]
        assert took / 20 < 0.1

    def test_worker_killed_while_it_renews_does_not_lock_the_others_out(self, connect, nimble):
        """SIGKILL after Nimble rotated, before the pair was stored."""
        nimble.switch(rotation="on")
        connection = connect()
        expire(connection)
        nimble.fault(path=TOKEN_PATH, cut="after", delay_ms=1000)
        with workers(1, connection) as [worker]:
            worker.ask()
            wait_until(lambda: refreshes(nimble))  # the lease alone does not say that Nimble was asked
            worker.kill()
        wait_until(lambda: (log := nimble.log()) and log[-1]["applied"])
        Connection.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        with workers(3, connection) as started:
            for worker in started:
                worker.ask()
            assert [worker.hear() for worker in started] == ["NeedsReconnect"] * 3
        assert len(refreshes(nimble)) == 2
        connection.refresh_from_db()
        assert connection.state == ConnectionState.RECONNECT

    def test_renewal_never_overwrites_what_a_sign_in_stored(self, connect, nimble):
        connection = connect()
        expire(connection)
        nimble.fault(path=TOKEN_PATH, delay_ms=1000)
        with workers(1, connection) as [worker]:
            worker.ask()
            wait_for_lease(connection)
            signed_in = sign_in_meanwhile(connection, nimble)
            assert worker.hear() == signed_in["access_token"]
        assert pair(connection) == (signed_in["access_token"], signed_in["refresh_token"])

    def test_dead_grant_does_not_count_after_a_sign_in(self, connect, nimble):
        connection = connect()
        expire(connection)
        nimble.revoke(ADA)
        nimble.fault(path=TOKEN_PATH, delay_ms=1000)
        with workers(1, connection) as [worker]:
            worker.ask()
            wait_for_lease(connection)
            signed_in = sign_in_meanwhile(connection, nimble)
            assert worker.hear() == signed_in["access_token"]
        connection.refresh_from_db()
        assert connection.state == ConnectionState.ACTIVE

    def test_renewal_that_began_between_bump_and_store_is_dropped(self, connect, nimble):
        """The sign-in has raised the generation and not stored its pair yet when a worker takes the lease."""
        connection = connect()
        expire(connection)
        nimble.fault(path=TOKEN_PATH, delay_ms=1000)
        tokens.supersede(connection)
        with workers(1, connection) as [worker]:
            worker.ask()
            wait_for_lease(connection)
            signed_in = nimble.pair_for(ADA, redirect_uri=REDIRECT_URI)
            store(connection, signed_in)
            assert worker.hear() == signed_in["access_token"]
        assert pair(connection) == (signed_in["access_token"], signed_in["refresh_token"])

    def test_threads_share_one_renewal(self, connect, nimble):
        connection = connect()
        expire(connection)
        nimble.fault(path=TOKEN_PATH, delay_ms=200)
        got = []

        def ask() -> None:
            got.append(tokens.access_token(Connection.objects.get(pk=connection.pk)))
            database.close()

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert got == [pair(connection)[0]] * 4
        assert refreshes(nimble) == [200]


def store(connection: Connection, new: dict) -> None:
    ends = timezone.now() + timedelta(seconds=new["expires_in"])
    SocialToken.objects.filter(account=connection.account).update(
        token=new["access_token"], token_secret=new["refresh_token"], expires_at=ends
    )


def sign_in_meanwhile(connection: Connection, nimble) -> dict:
    """What a sign-in does to a connection, in its order."""
    new = nimble.pair_for(ADA, redirect_uri=REDIRECT_URI)
    tokens.supersede(connection)
    store(connection, new)
    return new


def wait_for_lease(connection: Connection) -> None:
    wait_until(lambda: Connection.objects.filter(pk=connection.pk).exclude(lease_token="").exists())


def wait_until(condition, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
