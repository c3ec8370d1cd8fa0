"""The script itself, without what it installs."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with nothing but the script and its pins."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in ("run", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


def python_that(folder: Path, *, lacks: str) -> str:
    """A PATH whose python3 cannot import something."""
    program = folder / "bin" / "python3"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *{lacks}*) exit 1 ;; esac\nexec "{Path(sys.executable).resolve()}" "$@"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"{program.parent}:/usr/bin:/bin"


def run(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "ENV_FILE")}
    return subprocess.run(
        ["./run", *arguments], cwd=folder, env=clean | environment, capture_output=True, text=True, check=False
    )


def test_run_without_venv_module_prints_the_line_that_installs_it(clone: Path, tmp_path: Path) -> None:
    done = run(clone, PATH=python_that(tmp_path, lacks="ensurepip"))
    assert done.returncode == 1
    assert re.search(r"^    (sudo )?apt-get install -y python3-venv$", done.stderr, re.MULTILINE)
    assert not (clone / ".venv").exists()


def test_run_without_a_fitting_python_names_the_versions(clone: Path, tmp_path: Path) -> None:
    for name in ("sh", "dirname", "cmp", "id"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    done = run(clone, PATH=str(tmp_path))
    assert done.returncode == 1
    assert "Python 3.11, 3.12 or 3.13" in done.stderr


def test_run_help_lists_every_command(clone: Path) -> None:
    done = run(clone, "help")
    listed = set(re.findall(r"^\./run (\w+)", done.stdout, re.MULTILINE))
    assert done.returncode == 0
    assert listed == commands() - {"up"}


def test_run_with_an_unknown_command_fails_and_shows_what_there_is(clone: Path) -> None:
    done = run(clone, "frobnicate")
    assert done.returncode == 1
    assert "no `./run frobnicate`" in done.stderr
    assert "./run serve" in done.stderr


def test_pins_name_no_index() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        assert not re.search(r"://|--(extra-)?index|--find-links", (ROOT / name).read_text())


def commands() -> set[str]:
    """What the script's `case` knows."""
    body = (ROOT / "run").read_text().rpartition("case $command in")[2]
    found = re.findall(r"^    ([a-z |]+)\)", body, re.MULTILINE)
    return {name for group in found for name in group.replace(" ", "").split("|")}
