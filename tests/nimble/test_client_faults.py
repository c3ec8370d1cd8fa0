"""What the client makes of a Nimble in trouble."""

import pytest

from nimble import errors
from nimble.client import Client
from tests.nimble.conftest import person

pytestmark = [pytest.mark.django_db, pytest.mark.broken_answers]


@pytest.fixture
def client(connect):
    return Client(connect())


def test_dead_token_that_stays_dead_is_asked_twice_at_most(client, nimble):
    nimble.fault(path="/api/v1/myself", status=401, body={}, times=0)
    with pytest.raises(errors.DeadToken):
        client.myself()
    paths = [entry["path"] for entry in nimble.log()]
    assert paths.count("/api/v1/myself") == 2


def test_read_without_an_answer_is_repeated_once(client, nimble):
    nimble.fault(path="/api/v1/myself", cut="before")
    assert client.myself()["user_id"]
    nimble.fault(path="/api/v1/myself", cut="before", times=2)
    with pytest.raises(errors.NoAnswer) as caught:
        client.myself()
    assert not caught.value.ambiguous


def test_write_without_an_answer_is_not_repeated(client, nimble):
    nimble.fault(method="POST", path="/api/v1/contact", cut="after")
    with pytest.raises(errors.NoAnswer) as caught:
        client.create_contact(person("Once", "Only"))
    assert caught.value.ambiguous
    assert len([entry for entry in nimble.writes() if entry["path"] == "/api/v1/contact"]) == 1


@pytest.mark.parametrize("value", ["12", "Wed, 21 Oct 2015 07:28:00 GMT", "garbage", "86400"])
def test_rate_limit_says_when_to_come_back(client, nimble, value):
    nimble.fault(path="/api/v1/myself", status=429, headers={"Retry-After": value}, body={})
    with pytest.raises(errors.RateLimited) as caught:
        client.myself()
    expected = {"12": 12.0, "Wed, 21 Oct 2015 07:28:00 GMT": 0.0, "garbage": None, "86400": 900.0}
    assert caught.value.retry_after == expected[value]


def test_login_page_with_200_is_a_bad_answer(client, nimble):
    nimble.fault(path="/api/v1/myself", html=True, times=0)
    with pytest.raises(errors.BadAnswer):
        client.myself()


def test_gzip_bomb_and_padding_are_too_large(client, nimble):
    nimble.fault(path="/api/v1/contacts", gzip_bomb=30_000_000)
    with pytest.raises(errors.AnswerTooLarge):
        client.list_contacts()
    nimble.fault(path="/api/v1/contacts", pad=21_000_000)
    with pytest.raises(errors.AnswerTooLarge):
        client.list_contacts()
