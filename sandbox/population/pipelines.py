"""Pipelines and deals, as documents."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

from sandbox.ids import WORLD_TIME, microseconds, moment, object_id
from sandbox.population import names
from sandbox.population.people import DAY, privacy
from sandbox.store import Document

OPEN, WON, LOST = "in_progress", "won", "lost"
StagePlan = tuple[str, str, int | None, int]
CURRENCIES = ("EUR", "EUR", "EUR", "USD", "USD", "GBP", "JPY")


def make_field(pipeline_id: str, name: str, kind: str, choices: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    return {
        "field_id": object_id("deal field", pipeline_id, name),
        "name": name,
        "kind": kind,
        "multiples": False,
        "choices": [{"id": object_id("choice", pipeline_id, name, text), "value": text} for text in choices],
        **{"group_id": None, **more},
    }


def make_pipeline(
    key: object,
    company_id: str,
    creator: str,
    name: str,
    stages: Sequence[StagePlan],
    *,
    color: str,
    currency: str | None,
    archived: Sequence[str] = (),
    lost_reasons: Sequence[str] = (),
    fields: Sequence[tuple[str, str, Sequence[str]]] = (),
    is_default: bool = False,
) -> Document:
    """`stages` are (name, role, default probability, expected days) in their order."""
    pipeline_id = object_id("pipeline", key, name)
    group_id = object_id("deal group", pipeline_id)
    created = microseconds(WORLD_TIME) - 850 * DAY
    return {
        "id": pipeline_id,
        "company_id": company_id,
        "name": name,
        "description": f"Deals of {name}" if is_default else None,
        "color": color,
        "creator": creator,
        "created": created,
        "updated": created,
        "updated_by": creator,
        "archived_at": None,
        "is_default": is_default,
        "default_currency": currency,
        "lost_reasons": [{"id": object_id("reason", pipeline_id, text), "text": text} for text in lost_reasons],
        "stages": [
            {
                "id": object_id("stage", pipeline_id, stage),
                "name": stage,
                "description": "",
                "role": role,
                "default_probability": probability,
                "expected_days": days,
                "archived_at": created + 100 * DAY if stage in archived else None,
                "creator": creator,
                "created": created,
                "updated": created,
            }
            for stage, role, probability, days in stages
        ],
        # All but the last in a group, so that both kinds of member appear.
        "fields": [
            make_field(pipeline_id, field, kind, choices, group_id=group_id if place < len(fields) - 1 else None)
            for place, (field, kind, choices) in enumerate(fields)
        ],
        "groups": [{"id": group_id, "name": "Details", "logo_id": "default"}] if fields else [],
    }


def demo_pipelines(seed: int, company_id: str, users: list[Document]) -> list[Document]:
    creator = users[0]["user_id"]
    every_kind = (
        ("Product", "choice", names.PRODUCTS),
        ("Purchase Order, no.", "string", ()),
        ("Terms", "long_string", ()),
        ("Seats", "number", ()),
        ("Go-live", "datetime", ()),
        ("Needs approval", "boolean", ()),
        ("Site", "address", ()),
        ("Solution engineer", "user", ()),
    )
    sales: list[StagePlan] = [("Qualify", OPEN, 10, 7), ("Meet", OPEN, 25, 14), ("Old demo step", OPEN, 40, 10)]
    sales += [("Propose", OPEN, 50, 14), ("Negotiate", OPEN, None, 0), ("Won", WON, 100, 0), ("Lost", LOST, 0, 0)]
    renewals: list[StagePlan] = [("Due soon", OPEN, 60, 30), ("Quoted", OPEN, 80, 14)]
    renewals += [("Renewed", WON, 100, 0), ("Churned", LOST, 0, 0)]
    partners: list[StagePlan] = [("接触", OPEN, 5, 30), ("<b>Talks</b>", OPEN, 30, 60), ("契約", WON, 100, 0)]
    partners += [("見送り", LOST, 0, 0)]
    reasons = ("Price", "No decision", "Competitor", "Bad timing, again")
    return [
        make_pipeline(
            *(seed, company_id, creator, "New business", sales),
            color="#2685c4",
            currency="EUR",
            archived=["Old demo step"],
            lost_reasons=reasons,
            fields=every_kind,
            is_default=True,
        ),
        make_pipeline(
            seed, company_id, creator, "Renewals", renewals, color="#3f9b5b", currency="USD", lost_reasons=reasons[:2]
        ),
        make_pipeline(
            seed, company_id, creator, "Partners 提携", partners, color="#b4632d", currency=None, lost_reasons=()
        ),
    ]


def new_deal(one: str, pipeline: Document, owner: str, created: int, updated: int, number: int) -> Document:
    return {
        "id": one,
        "company_id": pipeline["company_id"],
        "pipeline_id": pipeline["id"],
        "stage_id": "",
        "number": number,
        "name": "",
        "description": None,
        "amount": None,
        "currency": pipeline["default_currency"] or "USD",
        "probability": None,
        "expected_close_date": None,
        "actual_close_date": None,
        "custom": {},
        "owner_id": owner,
        "creator": owner,
        "updated_by": owner,
        "created": created,
        "updated": updated,
        "privacy": {"read": None, "edit": None},
        "readers": None,
        "related_contacts": [],
        "related_external_contacts": [],
        "transitions": [],
        "tags": [],
        "files": [],
    }


def walk(path: Sequence[Document], who: Sequence[str], times: Sequence[int]) -> list[dict[str, Any]]:
    """Transitions along these stages, oldest first."""
    transitions = []
    previous = None
    for stage, by, when in zip(path, who, times, strict=True):
        transitions.append({"from": previous, "to": stage["id"], "who": by, "when": when, "notes": None})
        previous = stage["id"]
    return transitions


def custom_value(rng: random.Random, field: dict[str, Any], users: list[str]) -> str:
    match field["kind"]:
        case "choice":
            return str(rng.choice(field["choices"])["id"])
        case "number":
            return str(rng.randint(1, 500))
        case "datetime":
            return rng.choice(["2026-04-01", "2026-05-02T08:00:00Z"])
        case "boolean":
            return rng.choice(["true", "false"])
        case "address":
            return '{"street": "Quay 4", "city": "Porto", "country": "Portugal"}'
        case "user":
            return rng.choice(users)
        case _:
            return rng.choice(names.HOSTILE)


def deals(
    rng: random.Random, seed: int, count: int, users: list[Document], pipelines: list[Document], contacts: list[str]
) -> Iterator[Document]:
    ids = [user["user_id"] for user in users]
    last = microseconds(WORLD_TIME)
    for place in range(count):
        pipeline = pipelines[(0, 0, 0, 1, 1, 2)[place % 6]]
        created = last - rng.randint(2 * DAY, 500 * DAY)
        updated = rng.randint(created, last)
        doc = new_deal(object_id(seed, "deal", place), pipeline, rng.choice(ids), created, updated, place + 1)
        ways = [stage for stage in pipeline["stages"] if stage["role"] == OPEN]
        ends = [stage for stage in pipeline["stages"] if stage["role"] != OPEN]
        path = ways[: rng.randint(1, len(ways))]
        # Few still stand in the archived stage; the rest were moved on.
        if path[-1]["archived_at"] and place % 5:
            path.append(ways[ways.index(path[-1]) + 1])
        if rng.random() < 0.35:
            path = [*path, rng.choice(ends)]
        times = sorted([created, *(rng.randint(created, updated) for _ in path[1:])])
        doc["transitions"] = walk(path, [rng.choice(ids) for _ in path], times)
        doc["stage_id"] = path[-1]["id"]
        if path[-1]["role"] != OPEN:
            doc["actual_close_date"] = moment(times[-1]).date().isoformat()
        subject = rng.choice(names.PRODUCTS)
        doc["name"] = f"{subject} for {rng.choice(names.COMPANIES)}"
        if place % 31 == 8:
            doc["name"] = names.HOSTILE[place // 31 % len(names.HOSTILE)]
        doc["currency"] = rng.choice(CURRENCIES)
        if place % 7 != 2:
            doc["amount"] = rng.choice([0, 0.1, 950, 1200.5, 18000, 250000, 1234567.89, rng.randint(100, 90000)])
        if place % 4 == 1 or path[-1]["default_probability"] is None:
            doc["probability"] = rng.choice((5, 20, 45, 70, 90))
        if place % 3 != 0:
            doc["expected_close_date"] = moment(last + rng.randint(-60 * DAY, 120 * DAY)).date().isoformat()
        if place % 5 == 0:
            doc["description"] = rng.choice((*names.HOSTILE, "Two phases.\nThe second is optional."))
        for field in pipeline["fields"]:
            if rng.random() < 0.3:
                doc["custom"][field["field_id"]] = [{"value": custom_value(rng, field, ids)}]
        doc["related_contacts"] = [
            {"contact_id": one, "note": rng.choice([None, "Decides", "Pays"])}
            for one in rng.sample(contacts, min(len(contacts), rng.choice((0, 1, 1, 2, 3))))
        ]
        if place % 9 == 4:
            doc["related_external_contacts"] = [{"contact_info": f"guest{place}@outside.example", "note": "Advisor"}]
        doc["tags"] = rng.sample(names.DEAL_TAGS, rng.choice((0, 0, 1, 2, 3)))
        doc["privacy"] = privacy(rng, ids)
        if doc["privacy"]["edit"] is None and doc["privacy"]["read"] is not None:
            doc["privacy"]["edit"] = {"user_ids": [], "group_ids": []}
        if place % 14 == 3:
            doc["files"] = [make_file(doc, place)]
        yield doc


def make_file(deal: Document, place: int) -> dict[str, Any]:
    file_id = object_id("file", deal["id"], place)
    azure = {"data_id": object_id("blob", file_id), "source": "uploaded_azure"}
    link = {"icon_url": "https://files.example/icon", "file_url": "https://files.example/x", "source": "dropbox"}
    return {
        "file_id": file_id,
        "file_name": ("offer.pdf", "Angebot & Vertrag.docx", "=cmd.csv")[place % 3],
        "file_size": 12_345 + place,
        "uploader": deal["owner_id"],
        "uploaded_at": deal["created"],
        "metadata": link if place // 14 % 2 else azure,
    }
