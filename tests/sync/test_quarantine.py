"""Records that could not be stored: known to those alone whom Nimble shows them."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import get_user_model
from django.test import Client

from nimble.models import Connection
from sync import pull, quarantine, registry, store
from sync.clock import database_now
from sync.models import Check, Quarantined
from tests import factories
from tests.people import ADA, BJORN, Connect
from tests.sandboxes import SandboxServer
from tests.sync.pages import signed_in, text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.broken_answers]


def own(user_id: str) -> dict[str, object]:
    """What makes a record nobody's but this person's."""
    return {"owner_id": user_id, "privacy": {"read": {"user_ids": [], "group_ids": []}, "edit": None}}


def broken(nimble: SandboxServer, author: str, **values: object) -> str:
    """A contact that no mapping can take; its id."""
    made = str(nimble.edit(author, "contact", set=values)["id"])
    nimble.edit(author, "contact", made, raw={"fields": None})
    return made


def again(*connections: Connection) -> None:
    for connection in connections:
        pull.sync_again(connection)
        pull.pull(connection)


def known(connection: Connection) -> set[str]:
    return set(quarantine.visible(connection.user).values_list("nimble_id", flat=True))


@pytest.fixture
def bjorn(connect: Connect) -> Connection:
    return connect(BJORN)


def test_record_of_one_person_is_known_to_them_alone(ada: Connection, bjorn: Connection, nimble: SandboxServer):
    his = broken(nimble, BJORN, **own(bjorn.nimble_user_id))
    again(ada, bjorn)
    row = Quarantined.objects.get()
    assert row.nimble_id == his
    assert (known(ada), known(bjorn)) == (set(), {his})
    for address in ("/inbox/", "/sync/"):
        assert his not in text(signed_in(ada).get(address))
    assert his in text(signed_in(bjorn).get("/inbox/"))
    assert "1 Contact It lacks what every such record has." in text(signed_in(bjorn).get("/sync/"))
    assert "Set aside" not in text(signed_in(ada).get("/sync/"))
    assert signed_in(ada).post(f"/inbox/quarantined/{row.pk}/again/").status_code == 404
    assert signed_in(bjorn).post(f"/inbox/quarantined/{row.pk}/again/").status_code == 302
    assert not Check.objects.filter(walks__gt=0).exists(), "each compares what they are shown"


def test_record_of_everybody_is_known_to_whoever_was_sent_it(ada: Connection, bjorn: Connection, nimble: SandboxServer):
    victim = broken(nimble, ADA)
    again(ada)
    assert (known(ada), known(bjorn)) == ({victim}, set())
    again(bjorn)
    assert (known(ada), known(bjorn)) == ({victim}, {victim})


def test_record_taken_from_a_person_is_known_to_the_others_alone(
    ada: Connection, bjorn: Connection, nimble: SandboxServer
):
    victim = broken(nimble, BJORN)
    again(ada, bjorn)
    nimble.edit(BJORN, "contact", victim, set=own(bjorn.nimble_user_id))
    again(ada, bjorn)
    assert (known(ada), known(bjorn)) == (set(), {victim})
    nimble.edit(BJORN, "contact", victim, delete=True)
    again(bjorn)
    assert not Quarantined.objects.exists(), "nobody is shown it any more"


def test_record_that_was_stored_before_is_known_to_those_who_see_it(ada: Connection, bjorn: Connection):
    factories.mirrored(ada)
    private = factories.private_deal(ada, "Kestrelwood")
    factories.caught_up(bjorn)
    deals = registry.resource("deal")
    public = deals.for_user(bjorn.user).filter(is_private=False)[0]
    bad = [{"id": deal.nimble_id, "deal_id": None} for deal in (private, public)]
    tally = store.save_page(deals, ada, bad, read_at=database_now())
    assert tally.quarantined == 2
    assert known(ada) == {private.nimble_id, public.nimble_id}
    assert known(bjorn) == {public.nimble_id}


def test_record_that_nimble_refuses_when_it_is_read_again_is_no_longer_known(
    ada: Connection, bjorn: Connection, nimble: SandboxServer
):
    victim = broken(nimble, BJORN)
    again(ada, bjorn)
    nimble.edit(BJORN, "contact", victim, set=own(bjorn.nimble_user_id))
    assert not quarantine.read_again(Quarantined.objects.get(), ada)
    assert (known(ada), known(bjorn)) == (set(), {victim})


def test_operator_sees_how_many_and_why_but_none_of_them(ada: Connection, nimble: SandboxServer):
    victims = [broken(nimble, ADA) for _ in range(2)]
    again(ada)
    operator = get_user_model().objects.create_superuser("root")
    TOTP.activate(operator, "JBSWY3DPEHPK3PXP")
    page = Client()
    page.force_login(operator)
    assert not quarantine.visible(operator).exists()
    shown = text(page.get("/sync/"))
    assert "2 Contact It lacks what every such record has." in shown
    assert not any(one in shown for one in victims)
    assert "Nothing needs you" in text(page.get("/inbox/"))
    assert page.get("/admin/sync/quarantined/").status_code == 404


def test_deal_without_an_id_piles_up_nothing_however_often_it_is_listed(ada: Connection, nimble: SandboxServer):
    deal = nimble.objects("deal")[0]["id"]
    nimble.edit(ADA, "deal", deal, raw={"deal_id": None, "id": None})
    again(ada)
    first = known(ada)
    assert {one[:8] for one in first} == {"unnamed-"}
    again(ada)
    assert known(ada) == first
