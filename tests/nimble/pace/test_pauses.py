"""Nimble asks to slow down: nothing is sent before the pause is over, and less afterwards."""

import time
from email.utils import format_datetime

import pytest
from django.utils import timezone

from nimble import errors, pace
from nimble.client import Client
from nimble.pace import stored
from nimble.pace.budget import START
from tests.nimble.conftest import BJORN
from tests.nimble.pace.conftest import asked, let_pass, soon

pytestmark = [pytest.mark.django_db, pytest.mark.broken_answers]


def in_two_minutes() -> str:
    return format_datetime(timezone.now() + timezone.timedelta(seconds=120), usegmt=True)


def once_allowed(call):
    """What the call answers once it need not wait: on a busy machine a short pause can outlast its patience."""
    while True:
        try:
            return call()
        except errors.Paced:
            time.sleep(0.05)


@pytest.mark.parametrize("answer", [429, 503])
@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7), (in_two_minutes, 120), ("86400", 900), ("garbage", 1.5), ("", 1.5)]
)
def test_pause_is_kept(ada, nimble, answer, value, seconds):
    value = value() if callable(value) else value
    client = Client(ada)
    nimble.fault(path="/api/v1/myself", status=answer, headers={"Retry-After": value}, body={})
    with pytest.raises(errors.RateLimited):
        client.myself()
    assert soon(pace.paces([ada])[ada.pk].paused_until, seconds)
    if seconds > 2:
        with pytest.raises(errors.Throttled) as caught:
            client.contact_fields()
        assert (caught.value.retryable, caught.value.ambiguous) == (True, False)
        assert seconds - 10 < caught.value.retry_after <= seconds
        assert len(asked(nimble)) == 1
        let_pass(ada, seconds)
    assert once_allowed(client.myself)["user_id"]


def test_short_pause_is_waited_for(ada, nimble):
    nimble.fault(path="/api/v1/myself", status=429, headers={"Retry-After": "1"}, body={})
    client = Client(ada)
    with pytest.raises(errors.RateLimited):
        client.myself()
    once_allowed(client.myself)
    first, second = (one["time"] for one in asked(nimble))
    assert second - first >= 1.0


def test_pause_is_one_persons_own(ada, nimble, connect):
    nimble.fault(path="/api/v1/myself", status=429, headers={"Retry-After": "60"}, body={})
    with pytest.raises(errors.RateLimited):
        Client(ada).myself()
    assert Client(connect(BJORN)).myself()["user_id"]


def test_rate_is_halved_and_rises_again(ada, nimble):
    nimble.fault(path="/api/v1/myself", status=429, headers={"Retry-After": "5"}, body={})
    client = Client(ada)
    with pytest.raises(errors.RateLimited):
        client.myself()
    halved = pace.paces([ada])[ada.pk].rate
    assert halved == START / 2
    let_pass(ada, 5)
    with client:
        for _ in range(5):
            client.myself()
    assert halved < pace.paces([ada])[ada.pk].rate < halved + 1
    assert stored.pace(ada.pk)[0].budget.strikes == 0


def test_long_spacing_is_not_slept(ada, nimble):
    nimble.fault(path="/api/v1/myself", status=429, headers={"Retry-After": "5"}, times=8, body={})
    for _ in range(8):
        with pytest.raises(errors.RateLimited):
            Client(ada).myself()
        let_pass(ada, 60)
    assert pace.paces([ada])[ada.pk].rate < 0.3
    Client(ada).myself()
    began = time.monotonic()
    with pytest.raises(errors.Paced) as caught:
        Client(ada).myself()
    assert time.monotonic() - began < 1.0
    assert caught.value.retry_after > 1


def test_other_refusals_do_not_slow_anything_down(ada, nimble):
    client = Client(ada)
    for answer in (404, 406, 409, 402):
        nimble.fault(path="/api/v1/myself", status=answer, body={})
        with pytest.raises(errors.Refused):
            client.myself()
    assert pace.paces([ada])[ada.pk].rate >= START
    assert pace.paces([ada])[ada.pk].paused_until is None
