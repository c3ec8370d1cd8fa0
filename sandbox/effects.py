"""What a fault does to an answer that was made as usual, and to the world behind a listing."""

import gzip
import json
import re
from typing import Any

from sandbox.exchange import Answer
from sandbox.store import Document
from sandbox.world import World


def shift(world: World, body: Any, amounts: dict[str, int]) -> None:
    """Deletes the first of a listing's records, or touches its last, after it was read: the next page has shifted."""
    resources = list(body.get("resources", [])) if isinstance(body, dict) else []
    for group in body.get("stages", []) if isinstance(body, dict) else []:
        resources += group["deals"]
    with world.transaction(True):
        for view in resources[: amounts.get("delete", 0)]:
            world.store.delete(*_named(view))
        for view in resources[-amounts.get("touch", 0) :] if amounts.get("touch") else []:
            kind, one = _named(view)
            doc: Document | None = world.store.get(kind, one)
            if doc is not None:
                world.save(kind, doc, doc["owner_id"])


def _named(view: Any) -> tuple[str, str]:
    if isinstance(view, str):
        return "contact", view
    return ("deal", view["deal_id"]) if "deal_id" in view else ("contact", view["id"])


def _emptied(body: Any) -> Any:
    """A listing without its records, its meta saying so."""
    emptied = dict(body)
    for name in ("resources", "activities", "pipelines"):
        if name in emptied:
            emptied[name] = []
    if "stages" in emptied:
        meta: dict[str, Any] = {"total_new_count": 0, "next_page_url": None, "total_amount": []}
        emptied["stages"] = [group | {"deals": [], "meta": meta} for group in emptied["stages"]]
    if "total" in emptied.get("meta", {}):
        emptied["meta"] = emptied["meta"] | {"total": 0, "pages": 0}
    return emptied


def _nested(body: str, record: str, levels: int) -> bytes:
    """The answer with so many lists in each other in one record: written as text, which has no deepest level."""
    deep = f'"nested": {"[" * levels}{"]" * levels}, '
    return re.sub(rf'"(?:deal_)?id": "{re.escape(record)}"', lambda found: deep + found[0], body).encode()


def spoiled(answer: Answer, action: dict[str, Any]) -> Answer:
    if action.get("empty"):
        answer.body = _emptied(answer.body)
    if "body" in action:
        answer.body = action["body"]
    answer.headers |= {name: str(value) for name, value in action.get("headers", {}).items()}
    if "truncate" in action or "pad" in action:
        raw = json.dumps(answer.body).encode()
        raw = raw[: len(raw) // 2] if action.get("truncate") else raw + b" " * int(action["pad"])
        return Answer(raw, answer.status, answer.headers | {"Content-Type": "application/json"})
    if "nest" in action:
        return Answer(_nested(json.dumps(answer.body), **action["nest"]), answer.status, answer.headers)
    if "gzip_bomb" in action:
        raw = gzip.compress(b" " * int(action["gzip_bomb"]), 9)
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        return Answer(raw, answer.status, answer.headers | headers)
    return answer
