"""The `.env` beside `manage.py`: read as the settings read it, and given what is missing from it."""

import base64
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent
KEYS: dict[str, Callable[[], str]] = {
    "DJANGO_SECRET_KEY": lambda: secrets.token_urlsafe(48),
    # A Fernet key.
    "TOKEN_KEYS": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
}
HEADER = "# Settings of this installation; docs/settings.md explains them. Keep it secret: it holds keys.\n"


def path() -> Path:
    """Which file it is."""
    return Path(os.environ.get("ENV_FILE") or BASE_DIR / ".env")


def load() -> None:
    """Puts the file's values into the environment, where what is there already wins."""
    environ.Env.read_env(str(path()))


def var_dir() -> Path:
    """Where everything lives that running writes."""
    return Path(os.environ.get("VAR_DIR") or BASE_DIR / "var").absolute()


def given(name: str) -> bool:
    """Whether the environment has a value, or the name of a file that holds it."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def complete(wanted: dict[str, Callable[[], str]]) -> list[str]:
    """Makes up each wanted value that is missing, in the file and in the environment; tells which."""
    missing = [name for name in wanted if not given(name)]
    for name in missing:
        store(name, wanted[name]())
    return missing


def store(name: str, value: str) -> None:
    """Sets one value in the file, readable by its owner alone, and in the environment."""
    file = path()
    before = file.read_text() if file.exists() else HEADER
    line = f"{name}={value}"
    after, found = re.subn(rf"(?m)^(export )?{name}=.*$", lambda _: line, before)
    if not found:
        after = f"{before.rstrip()}\n{line}\n"
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as new:
        new.write(after)
    beside.replace(file)
    os.environ[name] = value
