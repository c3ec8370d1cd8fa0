"""German is whole: every text of ours has its words, and what is compiled is what is written."""

import gettext
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from django.test import Client

from nimble.models import Connection
from team.models import Profile
from tests import servers

ROOT = Path(__file__).resolve().parent.parent.parent
WRITTEN = ROOT / "locale/de/LC_MESSAGES/django.po"
COMPILED = WRITTEN.with_suffix(".mo")
SHIPPED = ("contacts", "crmportal", "deals", "nimble", "reports", "sync", "team", "templates")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}|%[sd]")


def catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def texts(found: object) -> list[str]:
    return [found] if isinstance(found, str) else list(found)  # type: ignore[call-overload]


def find_xgettext() -> str:
    found = shutil.which("xgettext")
    if not found:
        raise servers.Missing("gettext is not installed: apt-get install gettext")
    return found


def test_every_text_has_its_german_words(tmp_path: Path):
    servers.needed(find_xgettext)
    for name in SHIPPED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "migrations"))
    (tmp_path / "locale").mkdir()
    command = [sys.executable, "-m", "django", "makemessages", "--locale", "de", "--no-location"]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    wanted = {str(each.id) for each in catalogue(tmp_path / "locale/de/LC_MESSAGES/django.po") if each.id}
    known = {str(each.id) for each in catalogue(WRITTEN) if each.id and not each.fuzzy and all(texts(each.string))}
    assert sorted(wanted - known) == [], "manage.py makemessages -l de finds them; docs/development.md says how"
    assert sorted(known - wanted) == [], "no page says these any more"


def test_translations_keep_every_placeholder():
    broken = [
        each.id
        for each in catalogue(WRITTEN)
        if each.id
        for text in texts(each.string)
        if not set(PLACEHOLDER.findall(text)) <= set(PLACEHOLDER.findall(texts(each.id)[-1]))
        or (isinstance(each.id, str) and set(PLACEHOLDER.findall(each.id)) - set(PLACEHOLDER.findall(text)))
    ]
    assert broken == []


def said(compiled: gettext.GNUTranslations, each: Message, number: int) -> str:
    if not isinstance(each.id, str):
        words = (*each.id, 1 + number)
        return compiled.npgettext(each.context, *words) if each.context else compiled.ngettext(*words)
    return compiled.pgettext(each.context, each.id) if each.context else compiled.gettext(each.id)


def test_what_is_compiled_is_what_is_written():
    with COMPILED.open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    stale = [
        text
        for each in catalogue(WRITTEN)
        if each.id and not each.fuzzy
        for number, text in enumerate(texts(each.string))
        if text != said(compiled, each, number)
    ]
    assert stale == [], "manage.py compilemessages writes them"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "words"), [("de", "Alle Einzelheiten"), ("en", "All details of the sync"), ("", "All details")]
)
def test_page_is_in_the_language_of_the_profile(ada: Connection, language: str, words: str):
    Profile.objects.create(user=ada.user, language=language)
    client = Client()
    client.force_login(ada.user)
    answer = client.get("/")
    assert words in answer.content.decode()
    assert answer["Content-Language"] == (language or "en")


@pytest.mark.parametrize(("asked", "language"), [("de-AT,de;q=0.9", "de"), ("fr,en;q=0.5", "en"), ("", "en")])
def test_page_before_the_sign_in_is_in_the_language_of_the_browser(db: None, asked: str, language: str):
    answer = Client().get("/accounts/login/", headers={"accept-language": asked})
    assert answer["Content-Language"] == language
    assert f'<html lang="{language}"' in answer.content.decode()
