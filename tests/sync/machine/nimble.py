"""What happens in Nimble, and on the way to it."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from contacts.models import ContactNote
from sync.models import Edit, State
from tests.people import sign_in_again
from tests.sync.machine.here import HERE, KIND, WHO
from tests.sync.machine.known import Known

CHIARA = "chiara@lantern-pine.test"
# What may happen to the next request that matches.
FAULTS: dict[str, dict[str, Any]] = {
    "internal error": {"status": 500, "body": {"code": 107, "message": "internal"}},
    "internal error after it was done": {"status": 500, "body": {"code": 107, "message": "internal"}, "apply": True},
    "cut before": {"cut": "before"},
    "cut after": {"cut": "after"},
    "broken answer": {"truncate": True},
    "login page": {"html": True},
    "slow down": {"status": 429, "headers": {"Retry-After": "1"}, "body": {"message": "slow"}},
    "quota": {"status": 402, "body": {"code": 108, "message": "quota"}},
    "refused": {"status": 409, "body": {"code": 245, "message": "no", "errors": {}}},
    "forbidden": {"status": 403, "body": {"message": "Not yours"}},
    "dead token": {"status": 403, "body": {"message": "Can't authenticate request"}},
}


class InNimble(Known):
    @rule(which=HERE, field=st.sampled_from(["name", "amount"]))
    def somebody_changes_a_deal_in_nimble(self, which: int, field: str) -> None:
        value = next(self.serial)
        self.change("deal", self.row("deal", which), field, str(value), value if field == "amount" else str(value))

    @rule(which=HERE)
    def somebody_renames_a_contact_in_nimble(self, which: int) -> None:
        value = str(next(self.serial))
        items = {"fields": {"last name": [{"value": value, "modifier": ""}]}}
        self.change("contact", self.row("contact", which), "last name", value, items)

    def change(self, kind: str, row: Any, field: str, value: str, as_sent: Any) -> None:
        if self.in_nimble(kind, row, set=as_sent if isinstance(as_sent, dict) else {field: as_sent}):
            self.there[kind, row.nimble_id, field] = value

    @rule(which=HERE)
    def somebody_tags_a_contact_in_nimble(self, which: int) -> None:
        row, value = self.row("contact", which), next(self.serial)
        if row.nimble_id not in self.deleted:
            tags = self.sandbox.object("contact", row.known_id)["tags"]
            self.in_nimble("contact", row, set={"tags": [*tags[1:], f"n{value}"]})

    @rule(which=HERE, kind=KIND)
    def somebody_deletes_in_nimble(self, which: int, kind: str) -> None:
        row = self.row(kind, which)
        if self.in_nimble(kind, row, delete=True):
            self.deleted.add(row.nimble_id)

    @rule(data=st.data())
    def somebody_deletes_a_note_in_nimble(self, data: st.DataObject) -> None:
        # One whose answer was lost would be made again, and rightly so: nobody can tell that it was there.
        created = Edit.objects.filter(kind=ContactNote.kind, operation=Edit.Operation.CREATE, state=State.CONFIRMED)
        there = [one["id"] for one in self.sandbox.objects("note")]
        notes = ContactNote.objects.filter(pk__in=created.values("record_id"), nimble_id__in=there)
        if found := list(notes.order_by("pk")):
            note = data.draw(st.sampled_from(found))
            self.in_nimble("note", note, delete=True)
            self.deleted.add(note.known_id)

    @rule(which=HERE, kind=KIND, who=WHO, back=st.booleans())
    def nimble_hides_a_record(self, which: int, kind: str, who: int, back: bool) -> None:
        row = self.row(kind, which)
        if self.in_nimble(kind, row, hide_from=[] if back else [self.connections[who].email]):
            self.hidden.add(row.nimble_id)

    def in_nimble(self, kind: str, row: Any, **what: Any) -> bool:
        """Whether it is still there, so that it could be done."""
        if row.nimble_id is None or row.nimble_id in self.deleted:
            return False
        self.sandbox.edit(CHIARA, kind, row.nimble_id, **what)
        return True

    @rule(fault=st.sampled_from(sorted(FAULTS)), method=st.sampled_from(["PUT", "POST", "GET", "DELETE", "*"]))
    def the_line_is_bad(self, fault: str, method: str) -> None:
        self.sandbox.fault(method=method, path=r"^/api/v[12]/", times=1, **FAULTS[fault])

    @rule(who=WHO, how=st.sampled_from(["expire", "revoke"]))
    def a_token_dies(self, who: int, how: str) -> None:
        getattr(self.sandbox, how)(self.connections[who].email)

    @rule(who=WHO)
    def somebody_reconnects(self, who: int) -> None:
        sign_in_again(self.connections[who], self.sandbox)
