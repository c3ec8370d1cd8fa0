"""The brake: what vanishes at once is believed only after a person has looked."""

from datetime import timedelta

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import get_user_model

from contacts import queries as contacts
from contacts.models import Contact, ContactSight
from deals import queries as deals
from deals.models import Deal
from nimble.models import Connection
from sync import brakes, pull
from sync.clock import database_now
from sync.models import Brake, Event, Run, Stream
from tests.people import ADA, BJORN, Connect
from tests.sandboxes import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

State = Brake.State


def again(connection: Connection) -> dict[str, Run]:
    """List and walk everything once more; the runs by stream."""
    pull.sync_now(connection)
    Stream.objects.filter(connection=connection, name="deals").update(cursor={})
    return {run.stream.name: run for run in pull.pull(connection) or []}


def delete_contacts(nimble: SandboxServer, count: int) -> list[str]:
    ids = list(
        Contact.objects.filter(gone_at=None, is_private=False).order_by("pk").values_list("nimble_id", flat=True)
    )
    for nimble_id in ids[:count]:
        nimble.edit(ADA, "contact", nimble_id, delete=True)
    return ids[:count]


def shown(connection: Connection, ids: list[str]) -> int:
    return contacts.for_connection(connection).filter(nimble_id__in=ids).count()


def test_empty_listing_holds_the_brake_and_whole_one_lets_it_go(mirror: Connection, nimble: SandboxServer):
    before = contacts.for_connection(mirror).count()
    nimble.fault(method="GET", path=r"/api/v1/contacts/ids.*", times=1, empty=True)
    assert again(mirror)["listing"].state == Run.State.BRAKED
    brake = Brake.objects.get()
    assert (brake.state, brake.missing, brake.known) == (State.HELD, before, before)
    assert contacts.for_connection(mirror).count() == before
    assert again(mirror)["listing"].state == Run.State.DONE
    brake.refresh_from_db()
    assert brake.state == State.RETURNED
    assert brake.ended_at
    assert contacts.for_connection(mirror).count() == before


def test_approved_records_are_hidden_by_the_next_listing_and_gone_after_another(
    mirror: Connection, nimble: SandboxServer
):
    ids = delete_contacts(nimble, 25)
    again(mirror)
    brake = Brake.objects.get()
    assert set(
        Contact.objects.filter(pk__in=brake.records.values("record_id")).values_list("nimble_id", flat=True)
    ) == (set(ids))
    assert shown(mirror, ids) == 25
    assert brakes.approve(brake, by=mirror.user, mark=brake.mark)
    assert Stream.objects.get(connection=mirror, name="listing").next_run_at is None
    assert again(mirror)["listing"].state == Run.State.DONE
    assert shown(mirror, ids) == 0
    assert not Contact.objects.exclude(gone_at=None).exists()
    brake.refresh_from_db()
    assert (brake.state, brake.decided_by) == (State.SETTLED, mirror.user)
    assert brake.decided_at
    again(mirror)
    assert Contact.objects.exclude(gone_at=None).count() == 25


def test_approved_record_that_nimble_still_has_is_not_gone(mirror: Connection, nimble: SandboxServer):
    before = contacts.for_connection(mirror).count()
    nimble.fault(method="GET", path=r"/api/v1/contacts/ids.*", times=3, empty=True)
    again(mirror)
    brake = Brake.objects.get()
    brakes.approve(brake, by=mirror.user, mark=brake.mark)
    again(mirror)
    assert contacts.for_connection(mirror).count() == 0
    again(mirror)
    assert not Contact.objects.exclude(gone_at=None).exists(), "each of them can be read on its own"
    again(mirror)
    assert contacts.for_connection(mirror).count() == before


def test_more_than_was_approved_brakes_again(mirror: Connection, nimble: SandboxServer):
    ids = delete_contacts(nimble, 22)
    again(mirror)
    first = Brake.objects.get()
    brakes.approve(first, by=mirror.user, mark=first.mark)
    nimble.fault(method="GET", path=r"/api/v1/contacts/ids.*", times=1, empty=True)
    assert again(mirror)["listing"].state == Run.State.BRAKED
    first.refresh_from_db()
    second = Brake.objects.exclude(pk=first.pk).get()
    assert (first.state, second.state) == (State.REPLACED, State.HELD)
    assert second.missing > first.missing == 22
    assert shown(mirror, ids) == 22


def test_refused_records_stay_and_the_listing_goes_on_without_asking_again(mirror: Connection, nimble: SandboxServer):
    ids = delete_contacts(nimble, 25)
    again(mirror)
    brake = Brake.objects.get()
    assert brakes.refuse(brake, by=mirror.user, mark=brake.mark)
    # Another one, deleted since, is an ordinary deletion.
    other = Contact.objects.exclude(nimble_id__in=ids).filter(is_private=False).order_by("pk")[0]
    nimble.edit(ADA, "contact", other.known_id, delete=True)
    for _ in range(2):
        assert again(mirror)["listing"].state == Run.State.DONE
    assert shown(mirror, ids) == 25
    assert list(Contact.objects.exclude(gone_at=None)) == [other]
    brake.refresh_from_db()
    assert brake.state == State.REFUSED
    assert not ContactSight.objects.filter(record__nimble_id__in=ids).exclude(missing=0).exists()


def test_refused_records_are_asked_about_again_when_many_more_vanish(mirror: Connection, nimble: SandboxServer):
    delete_contacts(nimble, 22)
    again(mirror)
    brake = Brake.objects.get()
    brakes.refuse(brake, by=mirror.user, mark=brake.mark)
    nimble.fault(method="GET", path=r"/api/v1/contacts/ids.*", times=1, empty=True)
    assert again(mirror)["listing"].state == Run.State.BRAKED
    assert Brake.objects.get(state=State.HELD).missing > 22


def test_refused_records_that_are_listed_again_end_the_question(mirror: Connection, nimble: SandboxServer):
    nimble.fault(method="GET", path=r"/api/v1/contacts/ids.*", times=1, empty=True)
    again(mirror)
    brake = Brake.objects.get()
    brakes.refuse(brake, by=mirror.user, mark=brake.mark)
    again(mirror)
    brake.refresh_from_db()
    assert brake.state == State.RETURNED


def test_approval_that_no_listing_used_in_time_is_asked_for_again(mirror: Connection, nimble: SandboxServer):
    ids = delete_contacts(nimble, 25)
    again(mirror)
    brake = Brake.objects.get()
    brakes.approve(brake, by=mirror.user, mark=brake.mark)
    Brake.objects.update(expires_at=database_now() - timedelta(seconds=1))
    assert again(mirror)["listing"].state == Run.State.BRAKED
    brake.refresh_from_db()
    assert (brake.state, shown(mirror, ids)) == (State.HELD, 25)


def test_decision_about_other_records_than_were_shown_is_not_taken(mirror: Connection, nimble: SandboxServer):
    delete_contacts(nimble, 22)
    again(mirror)
    seen = Brake.objects.get()
    nimble.fault(method="GET", path=r"/api/v1/contacts/ids.*", times=1, empty=True)
    again(mirror)
    assert not brakes.approve(seen, by=mirror.user, mark=seen.mark)
    seen.refresh_from_db()
    assert seen.state == State.HELD
    assert brakes.approve(seen, by=mirror.user, mark=seen.mark)


def test_walk_of_deals_brakes_and_goes_on_once_approved(mirror: Connection, nimble: SandboxServer):
    ids = list(deals.for_connection(mirror).order_by("pk").values_list("nimble_id", flat=True)[:24])
    for nimble_id in ids:
        nimble.edit(ADA, "deal", nimble_id, delete=True)
    assert again(mirror)["deals"].state == Run.State.BRAKED
    # What changes meanwhile comes in all the same.
    other = deals.for_connection(mirror).exclude(nimble_id__in=ids).order_by("pk")[0]
    nimble.edit(BJORN, "deal", other.known_id, set={"name": "Changed there"})
    pull.sync_now(mirror)
    assert {run.state for run in pull.pull(mirror) or []} == {Run.State.DONE}
    other.refresh_from_db()
    assert other.name == "Changed there"
    visible = deals.for_connection(mirror).filter(nimble_id__in=ids)
    assert visible.count() == 24
    brake = Brake.objects.get()
    brakes.approve(brake, by=mirror.user, mark=brake.mark)
    pull.pull(mirror)
    assert visible.count() == 0
    again(mirror)
    assert Deal.objects.exclude(gone_at=None).count() == 24


def test_brake_is_its_connections_and_the_operators(mirror: Connection, nimble: SandboxServer, connect: Connect):
    bjorn = connect(BJORN)
    nimble.fault(method="GET", path=r"/api/v1/contacts/ids.*", times=1, empty=True)
    again(mirror)
    careless, operator = map(get_user_model().objects.create_superuser, ("root", "toor"))
    TOTP.activate(operator, "JBSWY3DPEHPK3PXP")
    users = (mirror.user, bjorn.user, careless, operator)
    assert [brakes.of(user).count() for user in users] == [1, 0, 0, 1]


def take_from_bjorn(nimble: SandboxServer, mirror: Connection, count: int) -> list[str]:
    listed = deals.for_connection(mirror).filter(is_private=False).order_by("pk")
    ids = [one.known_id for one in listed[:count]]
    for nimble_id in ids:
        nimble.edit(ADA, "deal", nimble_id, hide_from=[BJORN], silent=True)
    return ids


@pytest.mark.parametrize(("switch", "refused"), [("403", False), ("404", True)])
def test_what_is_taken_from_a_person_is_hidden_from_them_whatever_they_decide(
    mirror: Connection, nimble: SandboxServer, connect: Connect, switch: str, refused: bool
):
    bjorn = connect(BJORN)
    pull.pull(bjorn)
    nimble.switch(hidden_record=switch)
    theirs = deals.for_connection(bjorn)
    ids = take_from_bjorn(nimble, mirror, 24)
    assert theirs.filter(nimble_id__in=ids).count() == 24
    if refused:
        # As long as nobody else is connected, a person decides.
        Connection.objects.filter(pk=mirror.pk).update(state=Connection.State.RECONNECT)
        assert again(bjorn)["deals"].state == Run.State.BRAKED
        brake = Brake.objects.get()
        assert theirs.filter(nimble_id__in=ids).count() == 24
        brakes.refuse(brake, by=bjorn.user, mark=brake.mark)
        Connection.objects.filter(pk=mirror.pk).update(state=Connection.State.ACTIVE)
    before = Event.objects.latest("number").number
    assert again(bjorn)["deals"].state == Run.State.DONE
    assert theirs.filter(nimble_id__in=ids).count() == 0
    told = [event.readers for event in Event.objects.filter(number__gt=before, kind="deal")]
    hidden = {str(pk) for pk in Deal.objects.filter(nimble_id__in=ids).values_list("pk", flat=True)}
    assert {pk for readers in told for pk, users in readers.items() if users == [bjorn.nimble_user_id]} == hidden
    assert deals.for_connection(mirror).filter(nimble_id__in=ids).count() == 24
    assert not Brake.objects.filter(state__in=Brake.OPEN).exists()
    again(bjorn)
    assert not Deal.objects.exclude(gone_at=None).exists()


def test_wrong_listing_hides_nothing_though_colleagues_are_shown_it(
    mirror: Connection, nimble: SandboxServer, connect: Connect
):
    bjorn = connect(BJORN)
    pull.pull(bjorn)
    before = contacts.for_connection(bjorn).count()
    nimble.fault(method="GET", path=r"/api/v1/contacts/ids.*", times=1, empty=True)
    assert again(bjorn)["listing"].state == Run.State.BRAKED
    assert contacts.for_connection(bjorn).count() == before


def test_refusal_is_asked_for_again_after_a_week(mirror: Connection, nimble: SandboxServer):
    ids = delete_contacts(nimble, 25)
    again(mirror)
    brake = Brake.objects.get()
    brakes.refuse(brake, by=mirror.user, mark=brake.mark)
    brake.refresh_from_db()
    assert brake.expires_at
    assert brake.expires_at > database_now() + timedelta(days=6)
    Brake.objects.update(expires_at=database_now() - timedelta(seconds=1))
    assert again(mirror)["listing"].state == Run.State.BRAKED
    brake.refresh_from_db()
    assert (brake.state, shown(mirror, ids)) == (State.HELD, 25)
