"""Checksums: Nimble's own figures against ours, as the same person sees both."""

from decimal import Decimal

import pytest

from deals import actions, checks, queries
from deals.models import Deal
from nimble.models import Connection
from sync import opened, pull, registry
from sync.models import Check, Quarantined, Run, Stream
from tests.people import BJORN, EVE, Connect
from tests.sandboxes import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)


def walk(connection: Connection) -> dict[str, Run]:
    """List everything once more."""
    pull.sync_now(connection)
    Stream.objects.filter(connection=connection, name="deals").update(cursor={})
    return {run.stream.name: run for run in pull.pull(connection) or []}


def differing(connection: Connection) -> dict[str, tuple[Decimal, Decimal, int]]:
    found = Check.objects.filter(stream__connection=connection, walks__gt=0)
    return {check.key: (check.theirs, check.ours, check.walks) for check in found}


@pytest.fixture
def deal(mirror: Connection) -> Deal:
    found = queries.for_connection(mirror).filter(is_private=False).exclude(amount=None).order_by("pk")
    return found[0]


def test_first_pull_agrees_with_nimble_for_everybody(mirror: Connection, connect: Connect):
    eve = connect(EVE)
    pull.pull(eve)
    for connection in (mirror, eve):
        found = Check.objects.filter(stream__connection=connection)
        assert differing(connection) == {}
        assert found.get(stream__name="listing").theirs > 10
        assert found.get(key=checks.TOTAL).theirs > 10
        assert found.filter(stream__name="deals").exclude(unit="").count() > 5
    # Each compares what they see themselves.
    assert len(set(Check.objects.filter(key=checks.TOTAL).values_list("ours", flat=True))) == 2


@pytest.mark.parametrize("switches", [{"deals_scope": "own"}, {"deal_fields": "list"}])
def test_figures_agree_with_each_switch(ada: Connection, nimble: SandboxServer, switches: dict[str, str]):
    nimble.switch(**switches)
    pull.pull(ada)
    assert Check.objects.filter(stream__connection=ada).count() > 5
    assert differing(ada) == {}


def test_open_edits_make_no_difference(mirror: Connection, deal: Deal):
    actions.change(author=mirror.user, deal=deal, field="amount", value="31337")
    walk(mirror)
    deal.refresh_from_db()
    assert deal.amount == 31337
    assert differing(mirror) == {}


def test_what_differs_is_counted_by_walk_and_mended_by_repair(mirror: Connection, deal: Deal):
    key = f"{deal.stage_nimble_id}/{deal.currency}"
    # As if another version had read the amount otherwise: the digest says that nothing has changed.
    Deal.objects.filter(pk=deal.pk).update(amount=deal.amount + 7)
    for walks in (1, 2):
        assert walk(mirror)["deals"].state == Run.State.DONE
        theirs, ours, counted = differing(mirror)[key]
        assert (ours - theirs, counted) == (7, walks)
    since = Check.objects.get(stream__connection=mirror, key=key).differs_since
    assert since
    checks.repair(mirror, [key])
    pull.pull(mirror)
    assert differing(mirror) == {}
    assert Check.objects.get(stream__connection=mirror, key=key).differs_since is None
    wrong = deal.amount + 7
    deal.refresh_from_db()
    assert deal.amount == wrong - 7


def test_sum_that_changed_while_deals_were_walked_is_asked_for_again(
    mirror: Connection, deal: Deal, nimble: SandboxServer
):
    path = f"/api/v2/deals/pipelines/{deal.pipeline_nimble_id}/deals"
    answer = nimble.request("GET", f"{path}?sort=created:asc&limit=100", mirror.email).json()
    for group in answer["stages"]:
        group["meta"]["total_amount"] = [{"currency": deal.currency, "count": 1}]
    nimble.fault(method="GET", path=path, times=1, status=200, body=answer)
    walk(mirror)
    assert differing(mirror) == {}


def test_deal_hidden_from_us_by_mistake_differs_in_number_and_sum(mirror: Connection, deal: Deal):
    Deal.objects.filter(pk=deal.pk).update(is_private=True, owner_in_nimble="somebody", reader_index="")
    walk(mirror)
    found = differing(mirror)
    assert found[checks.TOTAL][0] - found[checks.TOTAL][1] == 1
    assert f"{deal.stage_nimble_id}/{deal.currency}" in found


@pytest.mark.broken_answers
def test_record_that_is_set_aside_is_counted(ada: Connection, nimble: SandboxServer):
    victim = nimble.objects("contact")[0]["id"]
    nimble.edit(BJORN, "contact", victim, raw={"fields": None})
    pull.pull(ada)
    assert Quarantined.objects.filter(kind="contact").exists()
    assert differing(ada) == {}


def test_figures_are_not_compared_while_the_brake_holds(mirror: Connection, nimble: SandboxServer):
    before = Check.objects.get(stream__connection=mirror, stream__name="listing")
    nimble.fault(method="GET", path=r"/api/v1/contacts/ids.*", times=1, empty=True)
    assert walk(mirror)["listing"].state == Run.State.BRAKED
    after = Check.objects.get(stream__connection=mirror, stream__name="listing")
    assert (after.compared_at, after.walks) == (before.compared_at, 0)


def test_figures_that_nimble_will_not_give_fail_no_walk(mirror: Connection, nimble: SandboxServer):
    path = r"/api/v2/deals\?.*sort=updated"
    nimble.fault(method="GET", path=path, nth=2, times=0, status=500, body={"code": 107, "message": "Internal error"})
    assert walk(mirror)["deals"].state == Run.State.DONE


def compared(connection: Connection) -> set[str]:
    """The stages whose sums are kept."""
    keys = Check.objects.filter(stream__connection=connection, stream__name="deals").values_list("key", flat=True)
    return {key.partition("/")[0] for key in keys}


def test_sums_of_a_pipeline_go_with_it(mirror: Connection):
    pipeline = queries.visible_pipelines(mirror).order_by("pk")[0]
    stages = set(pipeline.stages.values_list("nimble_id", flat=True))
    before = compared(mirror)
    opened.hide(registry.resource("pipeline"), mirror, pipeline.pk)
    assert before & stages
    assert compared(mirror) == before - stages


def test_sums_of_deals_that_nimble_refuses_go_before_the_others_are_compared(mirror: Connection, nimble: SandboxServer):
    pipeline = queries.visible_pipelines(mirror).order_by("pk")[0]
    stages = set(pipeline.stages.values_list("nimble_id", flat=True))
    before = compared(mirror)
    nimble.fault(method="GET", path=rf"/api/v2/deals/pipelines/{pipeline.nimble_id}/deals.*", times=0, status=403)
    path = r"/api/v2/deals\?.*sort=updated"
    nimble.fault(method="GET", path=path, nth=2, times=0, status=500, body={"code": 107, "message": "Internal error"})
    assert walk(mirror)["deals"].state == Run.State.DONE
    assert before & stages
    assert compared(mirror) == before - stages
