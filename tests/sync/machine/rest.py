"""What holds in the end: once the line is good, everybody has come back and all that can be sent was sent."""

from typing import Any

from contacts import mapping as contact_mapping
from contacts.models import Contact
from deals.models import Deal
from nimble.models import Connection
from sync import inbox, outbox, pull, push, registry
from sync.models import IN_LINE, NEEDS_PERSON, OVERLAID, Edit, State
from tests.people import sign_in_again
from tests.sync.machine.invariants import Invariants, Operation
from tests.sync.machine.known import SECRET
from tests.sync.machine.workers import Workers


class Rest(Workers, Invariants):
    def teardown(self) -> None:
        if not hasattr(self, "accepted"):
            return
        while self.standing:
            self.standing.popitem()[1].go_on()
            self.stirred = True
        self.all_is_well()
        self.sandbox.clear_faults()
        for held in self.held:
            push.push(held)
        self.held = []
        for who in (0, 1):
            sign_in_again(self.connections[who], self.sandbox)
        for _ in range(40):
            self.time_goes_by()
            if not outbox.deliver():
                break
        self.listen()
        self.stirred = True
        self.all_is_well()
        waiting = Edit.objects.filter(pk__in=self.accepted, state__in=IN_LINE)
        stuck = [edit for edit in waiting if not self.waits_for_a_person(edit)]
        assert not stuck, f"at rest, and still waiting: {stuck}"
        for who in (0, 1):
            connection = self.due(who, ["deals", "contacts"], False)
            assert connection
            runs = pull.pull(connection)
            assert {run.state for run in runs or []} == {"done"}, [(run.stream.name, run.error) for run in runs or []]
        for pk in self.deals:
            self.is_as_in_nimble(Deal.objects.get(pk=pk))
        for pk in self.contacts:
            self.is_as_in_nimble(Contact.objects.get(pk=pk))
        self.stirred = True
        self.all_is_well()
        self.whoever_is_needed_is_told()
        self.no_secret_is_in_the_log()

    def waits_for_a_person(self, edit: Edit) -> bool:
        """It needs one itself, comes after one that does, in its line or because it depends on it, or is a create of
        somebody whose plan is full.
        """
        if edit.state in NEEDS_PERSON:
            return True
        before = Edit.objects.filter(kind=edit.kind, record_id=edit.record_id, pk__lt=edit.pk)
        first = [*before.filter(state__in=[*IN_LINE, *NEEDS_PERSON])]
        if edit.depends_on is not None and edit.depends_on.state != State.CONFIRMED:
            first.append(edit.depends_on)
        full = Edit.objects.filter(connection=edit.connection, state=State.BLOCKED, error__reason="quota")
        return (edit.operation == Operation.CREATE and full.exists()) or any(map(self.waits_for_a_person, first))

    def is_as_in_nimble(self, row: Any) -> None:
        if row.nimble_id is None or row.nimble_id in self.deleted or row.nimble_id in self.hidden:
            return
        there = self.sandbox.object(row.kind, row.nimble_id)
        resource = registry.resource(row.kind)
        values = resource.values(row.remote)
        opened = Edit.objects.filter(kind=row.kind, record_id=row.pk, state__in=OVERLAID).exists()
        if row.kind == "deal":
            now = (there["values"]["name"], number(there["values"].get("amount")), there["stage_id"])
            kept = (values["name"], number(values["amount"]), values["stage"])
            shown = (row.name, number(row.amount), row.stage_nimble_id)
        else:
            now = (there["fields"]["last name"][0]["value"], there["tags"])
            kept = (contact_mapping.first(values, "last name"), values["tags"])
            shown = (row.last_name, row.tags)
        assert kept == now, f"{row.kind} {row.pk}: kept {kept}, in Nimble {now}"
        assert opened or shown == now, f"{row.kind} {row.pk}: shown {shown}, in Nimble {now}"
        assert row.gone_at is None, f"{row.kind} {row.pk} counts as gone, and is there"

    def whoever_is_needed_is_told(self) -> None:
        for connection in self.connections:
            needed = Edit.objects.filter(author=connection.user, state__in=NEEDS_PERSON).values_list("pk", flat=True)
            assert {edit.pk for edit in inbox.waiting(connection.user)} == set(needed)

    def no_secret_is_in_the_log(self) -> None:
        tokens = [token for connection in self.connections for token in tokens_of(connection)]
        for line in self.logged:
            assert SECRET not in line, "a note's text is in the log"
            assert not any(token in line for token in tokens), "a token is in the log"


def number(value: Any) -> float | None:
    return None if value is None else float(value)


def tokens_of(connection: Connection) -> list[str]:
    return [
        part
        for token in connection.account.socialtoken_set.all()  # type: ignore[union-attr]
        for part in (token.token, token.token_secret)
    ]
