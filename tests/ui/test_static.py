"""What the pages' own files promise each other, and the Content-Security-Policy."""

import re
from pathlib import Path

import pytest
from django.conf import LazySettings, settings
from django.core.management import call_command

from crmportal.storage import StaticFiles

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
MODULES = sorted((ROOT / "static" / "js").glob("*.js"))


def names(pattern: str, files: list[Path]) -> set[str]:
    return {name for file in files for name in re.findall(pattern, file.read_text())}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_template_holds_nothing_that_the_policy_forbids(template: Path) -> None:
    text = template.read_text()
    assert not re.findall(r"\s(?:style|on[a-z]+|hx-on[:a-z-]*)=", text)
    assert not re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", text)
    assert not re.findall(r"""hx-(?:vals|headers)=['"]js:""", text)
    assert not re.findall(r'hx-trigger="[^"]*\[', text)


def test_every_icon_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static" / "icons.svg").read_text()))
    used = names(r"{% icon ['\"]([\w-]+)['\"]", TEMPLATES) | names(
        r"{% nav ['\"][^'\"]+['\"] ['\"]([\w-]+)['\"]", TEMPLATES
    )
    assert used
    assert used - sprite == set()


def test_every_word_that_the_scripts_say_is_in_the_page() -> None:
    words = (ROOT / "templates" / "components" / "words.html").read_text()
    offered = set(re.findall(r'data-word="([\w.]+)"', words))
    said = names(r'\bword\("([\w.]+)"', MODULES) | names(r'\bbind\("[^"]+", "[^"]+", "([\w.]+)"', MODULES)
    assert said
    assert said - offered == set()


def test_stylesheet_loads_nothing_from_elsewhere() -> None:
    css = (ROOT / "static" / "css" / "app.css").read_text()
    addresses = re.findall(r"url\(\s*[\"']?(?!data:)([^\"')]+)", css)
    assert addresses
    assert [url for url in addresses if not (ROOT / "static" / "css" / url).resolve().is_file()] == []


def test_collected_modules_import_each_other_by_content_name(settings: LazySettings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "crmportal.storage.StaticFiles"}}
    call_command("collectstatic", interactive=False, verbosity=0)
    storage = StaticFiles(location=tmp_path)
    app = (tmp_path / storage.stored_name("js/app.js")).read_text()
    imported = re.findall(r'import\s*"\./([^"]+)"', app)
    assert len(imported) == len(re.findall(r"^import ", (ROOT / "static" / "js" / "app.js").read_text(), re.MULTILINE))
    for name in imported:
        assert re.fullmatch(r"[\w-]+\.[0-9a-f]{12}\.js", name)
        assert (tmp_path / "js" / name).is_file()
    css = (tmp_path / storage.stored_name("css/app.css")).read_text()
    assert re.search(r"inter-latin\.[0-9a-f]{12}\.woff2", css)
