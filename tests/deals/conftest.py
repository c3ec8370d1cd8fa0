"""Deals that are stored as a pull stores them, and the board as a person reads it."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from django.test import Client

from deals import metadata
from deals.models import Deal, Pipeline
from deals.streams import save_fields
from nimble.models import Connection, Member
from sync import pull, registry, store
from sync.clock import database_now
from sync.models import Stream
from tests import factories
from tests.deals.payloads import METADATA, PARTNERS, SALES

Keep = Callable[..., list[Any]]


def browser(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def keep(ada: Connection) -> Keep:
    """Stores payloads as read by Ada (or by whoever is named), with the pipelines and the fields beside them."""

    def save(*payloads: dict[str, Any], kind: str = "deal", connection: Connection = ada) -> list[Any]:
        resource = registry.resource(kind)
        tally = store.save_page(resource, connection, payloads, read_at=database_now())
        assert tally.quarantined == 0
        ids = [payload.get("deal_id") or payload.get("pipeline_id") or payload["id"] for payload in payloads]
        rows = resource.model._default_manager.in_bulk([tally.ids[one] for one in ids])
        return [rows[tally.ids[one]] for one in ids]

    save_fields(ada.workspace_id, metadata.fields(METADATA))
    save(SALES, PARTNERS, kind="pipeline")
    Member.objects.remember(ada.workspace, [{"user_id": "u1", "name": "Olga Owner"}, {"user_id": "u2", "name": "Paul"}])
    pull.ensure_streams(ada)
    Stream.objects.filter(connection=ada).update(completed_at=database_now())
    return save


@pytest.fixture
def page(ada: Connection) -> Client:
    """A browser in which Ada is signed in."""
    return browser(ada.user)


@pytest.fixture
def sales(keep: Keep) -> Pipeline:
    return Pipeline.objects.get(nimble_id="p-sales")


class Column(NamedTuple):
    """A column as a page shows it."""

    name: str
    count: str
    sums: list[str]
    cards: list[int]


def columns(answer: Any) -> dict[str, Column]:
    """The columns of a board, in their order."""
    found = {}
    for part in re.split(r'<section class="column"', answer.content.decode())[1:]:
        name = re.search(r'data-name="([^"]*)"', part)
        count = re.search(r'<span class="n">([^<]*)', part)
        sums = re.search(r'<div class="sums">(.*?)</div><(?:button|/header)', part)
        assert name
        assert count
        assert sums
        cards = [int(pk) for pk in re.findall(r'<li class="card" id="deal-(\d+)"', part)]
        found[name[1]] = Column(name[1], count[1].strip(), re.findall(r"<span>([^<]*)</span>", sums[1]), cards)
    return found


def pk_of(nimble_id: str) -> int:
    return Deal.objects.values_list("pk", flat=True).get(nimble_id=nimble_id)


# --- in a browser ---


@pytest.fixture
def board(transactional_db: None, ada: Connection) -> Pipeline:
    """The pipeline that has the most deals, in a small mirror."""
    factories.mirrored(ada, deals=120, contacts=40)
    return max(Pipeline.objects.all(), key=lambda one: Deal.objects.filter(pipeline_nimble_id=one.nimble_id).count())


@pytest.fixture
def row(board: Pipeline, ada: Connection) -> Deal:
    """A deal in an open stage, not the last one, that Ada may edit."""
    first = board.stages.filter(role="open", archived_at=None).order_by("position")[0]
    mine = Deal.objects.filter(sights__connection=ada, sights__view__is_editable=True, probability__isnull=False)
    found = mine.filter(stage_nimble_id=first.nimble_id).order_by("pk").first()
    assert found, "the sandbox has no such deal"
    return found
