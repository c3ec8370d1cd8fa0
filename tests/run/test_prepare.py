"""Keys and ports, which are settled before anything starts."""

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmportal import envfile, prepare
from tests.processes import free_port


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without any setting of ours, and the path of a `.env` that is not there yet."""
    for name in (*envfile.KEYS, *prepare.SANDBOX, "PUBLIC_URL", "BIND"):
        # Set first, so that what the code under test sets is taken back as well.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("PORT", str(free_port()))
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    monkeypatch.setenv("ENV_FILE", str(tmp_path / ".env"))
    return tmp_path / ".env"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def values(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line and line[0] != "#")


def test_demo_writes_keys_that_only_the_owner_can_read(env: Path) -> None:
    prepare.demo()
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert set(values(env)) >= {*envfile.KEYS, *prepare.SANDBOX}


def test_demo_keeps_the_keys_that_are_there(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare.demo()
    before = values(env)
    for name in before:
        monkeypatch.delenv(name)
    envfile.load()
    prepare.demo()
    assert values(env) == before


def test_keys_differ_between_installations(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = {name: make() for name, make in envfile.KEYS.items()}
    assert all(first[name] != make() for name, make in envfile.KEYS.items())


def test_demo_moves_to_a_free_port_and_keeps_it(env: Path, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", str(taken))
    prepare.demo()
    moved = int(values(env)["PORT"])
    assert moved != taken
    assert prepare.free(moved)
    assert prepare.os.environ["PORT"] == str(moved)


def test_demo_moves_the_sandbox_and_names_its_new_address(
    env: Path, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIMBLE_BASE_URL", f"http://127.0.0.1:{taken}")
    prepare.demo()
    assert values(env)["NIMBLE_BASE_URL"] not in ("", f"http://127.0.0.1:{taken}")


def test_demo_with_a_real_nimble_in_the_settings_points_to_serve(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIMBLE_BASE_URL", "https://app.nimble.com")
    with pytest.raises(SystemExit, match="run serve"):
        prepare.demo()
    assert not env.exists()


def test_serve_on_a_taken_port_names_it(env: Path, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", str(taken))
    with pytest.raises(SystemExit, match=f"Port {taken} is taken"):
        prepare.serve()


def test_serve_adds_only_the_keys_that_are_missing(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env.write_text("# ours\nexport NIMBLE_CLIENT_ID=abc\nTOKEN_KEYS=\n")
    envfile.load()
    monkeypatch.setenv("DJANGO_SECRET_KEY", "from the environment")
    prepare.serve()
    lines = env.read_text().splitlines()
    assert lines[:2] == ["# ours", "export NIMBLE_CLIENT_ID=abc"]
    assert lines[2].startswith("TOKEN_KEYS=")
    assert len(lines[2]) > 40
    assert len(lines) == 3


def test_port_that_is_no_port_is_refused(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "80a")
    with pytest.raises(SystemExit, match="80a"):
        prepare.serve()
