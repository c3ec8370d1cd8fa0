"""A deal as one user sees it."""

from typing import Any

from sandbox import privacy
from sandbox.contact_views import apply_raw, short_contact
from sandbox.deal_fields import STANDARD_IDS
from sandbox.ids import moment, stamp, zulu
from sandbox.pipelines import stage_view
from sandbox.store import Document
from sandbox.world import World, short_user


def number_text(amount: float) -> str:
    return str(int(amount)) if amount == int(amount) else repr(amount)


def standard_values(doc: Document) -> dict[str, str]:
    """What the standard fields hold, as the strings that Nimble keeps."""
    found: dict[str, str] = {"name": doc["name"]}
    if doc["amount"] is not None:
        found["amount"] = number_text(doc["amount"])
    for name in ("probability", "description", "expected_close_date", "actual_close_date"):
        if doc[name] is not None:
            found[name] = str(doc[name])
    return found


class DealViewer:
    """Makes views of many deals for one user, looking up what they share once."""

    def __init__(self, world: World, user: Document) -> None:
        self.world = world
        self.user = user
        self.users = world.users(user["company_id"])
        self.pipelines = world.pipelines(user["company_id"])
        self.stages = {
            stage["id"]: stage_view(world, pipeline, stage)
            for pipeline in self.pipelines.values()
            for stage in pipeline["stages"]
        }
        self.field_names = {
            field["field_id"]: field["name"] for pipeline in self.pipelines.values() for field in pipeline["fields"]
        }
        self.contacts: dict[str, Document] = {}

    def view(self, doc: Document) -> dict[str, Any]:
        return self.views([doc])[0]

    def views(self, docs: list[Document]) -> list[dict[str, Any]]:
        ids = [one["contact_id"] for doc in docs for one in doc["related_contacts"]]
        self.contacts = self.world.store.get_many("contact", ids)
        return [self._view(doc) for doc in docs]

    def _view(self, doc: Document) -> dict[str, Any]:
        by_id, by_name = self._fields(doc)
        stage = self.stages.get(doc["stage_id"])
        probability = doc["probability"]
        if probability is None and stage is not None:
            probability = stage.get("default_probability")
        view = {
            "deal_id": doc["id"],
            "deal_number": doc["number"],
            "created": stamp(doc["created"], doc["id"]),
            "updated": stamp(doc["updated"], doc["id"]),
            "creator": short_user(self.users.get(doc["creator"])),
            "owner": short_user(self.users.get(doc["owner_id"])),
            "updated_by": doc["updated_by"],
            "currency": doc["currency"],
            "privacy": doc["privacy"],
            "is_editable": privacy.may_edit(doc, self.user),
            "related_contacts": [
                self._related(one) for one in doc["related_contacts"] if one["contact_id"] in self.contacts
            ],
            "related_external_contacts": doc["related_external_contacts"],
            "fields_values": by_id,
            "fields_values_with_names": by_name,
            "stage_transitions": self._transitions(doc),
            "files": [self._file(one) for one in doc["files"]],
            "tags": doc["tags"],
            "age_in_days": (self.world.now() - doc["created"]) // 86_400_000_000,
        }
        if probability is not None:
            view["final_probability"] = probability
        return apply_raw(view, doc)

    def _fields(self, doc: Document) -> tuple[Any, Any]:
        by_id: dict[str, list[dict[str, Any]]] = {}
        by_name: dict[str, list[dict[str, Any]]] = {}
        for name, text in standard_values(doc).items():
            by_id[STANDARD_IDS[name]] = by_name[name] = [{"value": text, "is_primary": False}]
        for field_id, values in doc["custom"].items():
            if field_id in self.field_names:
                shown = [{"value": one["value"], "is_primary": bool(one.get("is_primary"))} for one in values]
                by_id[field_id] = by_name[self.field_names[field_id]] = shown
        if self.world.switch("deal_fields") == "map":
            return by_id, by_name
        return (
            [{"field_id": one, "values": values} for one, values in by_id.items()],
            [{"field_name": one, "values": values} for one, values in by_name.items()],
        )

    def _related(self, related: dict[str, Any]) -> dict[str, Any]:
        one = related["contact_id"]
        shown = {"contact": short_contact(self.contacts[one], self.user), "employments": []}
        # The specification draws a note as a string: where there is none, the key stays away.
        return shown | ({"note": related["note"]} if related["note"] is not None else {})

    def _when(self, doc: Document, when: int) -> str:
        how = self.world.switch("transition_when")
        if how == "date" or (how == "mixed" and int(doc["id"][0], 16) % 2):
            return moment(when).date().isoformat()
        return zulu(when)

    def _transitions(self, doc: Document) -> dict[str, Any]:
        pipeline = self.pipelines[doc["pipeline_id"]]
        shown = [
            {
                "from_stage": self.stages.get(one["from"]) if one["from"] else None,
                "to_stage": self.stages.get(one["to"]),
                "who": short_user(self.users.get(one["who"])),
                "when": self._when(doc, one["when"]),
                "notes": one["notes"],
            }
            for one in doc["transitions"]
        ]
        if self.world.switch("transitions") == "down":
            shown.reverse()
        last = doc["transitions"][-1]
        stage = self.stages.get(last["to"])
        final = bool(stage and stage["role"]["is_final"])
        return {
            "pipeline_id": pipeline["id"],
            "pipeline_name": pipeline["name"],
            "pipeline_color": pipeline["color"],
            "transitions": shown,
            "before_final_stage": self.stages.get(last["from"]) if final and last["from"] else None,
        }

    def _file(self, one: dict[str, Any]) -> dict[str, Any]:
        shown = {name: one[name] for name in ("file_id", "file_name", "file_size", "metadata")}
        uploaded = stamp(one["uploaded_at"], one["file_id"])
        return shown | {"uploader": short_user(self.users.get(one["uploader"])), "uploaded_at": uploaded}
