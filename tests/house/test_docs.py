"""What is written down is so: options, commands, links, names; and nothing points outside of the repository."""

from __future__ import annotations

import ast
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import click
import pytest
from flask import Flask

from config import Config
from tests.house.source import ROOT, sources

pytestmark = pytest.mark.nodatabase  # says the same on either database

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
OPTIONS = {item.metadata["name"]: item.metadata for item in fields(Config) if item.metadata}

# Longer than a file should be, and why it is one.
LONG_FILES = {
    "run": "has to run before anything is installed, so it is one file",
    "sandbox/stripe/bank.py": "one life-cycle over one state: sessions, charges, refunds and the events they cause",
}
LONGEST = 400


def tracked() -> list[Path]:
    """Every file of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:  # an archive without its history
        folders = ("marketplace", "sandbox", "templates", "static", "seed", "tests", "docs", "migrations")
        below = [path for folder in folders for path in (ROOT / folder).rglob("*")]
        return [path for path in (*ROOT.iterdir(), *below) if path.is_file() and "__pycache__" not in path.parts]
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


def texts() -> list[tuple[str, str]]:
    found = []
    for path in tracked():
        try:
            found.append((path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:  # a picture
            continue
    return found


# --- options ---


def table_of_options() -> dict[str, tuple[str, str]]:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    return {name: (default.strip("`"), meaning) for name, default, meaning in rows}


def test_readme_lists_exactly_the_options_with_default_and_meaning() -> None:
    table = table_of_options()
    assert list(table) == list(OPTIONS)
    for name, metadata in OPTIONS.items():
        default, meaning = table[name]
        assert default == (metadata["default"] or "–"), name
        assert meaning == metadata["meaning"], name


def test_every_option_of_the_contract_is_there() -> None:
    assert set(OPTIONS) >= {
        *("PORT", "DATA_DIR", "KEY_FILE", "DATABASE_URL", "SECRET_KEY", "STRIPE_API_KEY", "STRIPE_API_BASE"),
        *("STRIPE_WEBHOOK_SECRET", "MAIL_URL", "SMS_URL", "TRUSTED_HOSTS", "PROXY_HOPS", "DEMO"),
    }


def test_nothing_else_is_read_from_the_environment() -> None:
    """An option that config.py does not know would be an undocumented one."""
    wrong = [
        f"{source.path.relative_to(ROOT)}:{number}"
        for source in sources()
        for number, line in enumerate(source.lines, 1)
        if re.search(r"os\.environ|getenv\(", line)
    ]
    # The picture encoder is a process of its own and gets an environment of its own; one library is told its folder so,
    # and a service manager speaks by it.
    allowed = {f"marketplace/{name}.py" for name in ("media/processing", "media/handlers", "metrics", "serving")}
    assert {where.partition(":")[0] for where in wrong} <= allowed


# --- commands ---


def commands(app: Flask) -> set[str]:
    """Every flask command as it is typed."""
    found: set[str] = set()

    def walk(command: click.Command, words: str) -> None:
        if isinstance(command, click.Group):
            for name in command.list_commands(click.Context(command)):
                inner = command.get_command(click.Context(command), name)
                assert inner
                walk(inner, f"{words} {name}".strip())
        else:
            found.add(words)

    walk(app.cli, "")
    return found


GROUPS = r"users|sellers|seed|demo|jobs|orders|payments|ledger|revenue|audit|awards|backup|keys|db|preflight"


def test_documents_name_only_commands_that_exist(shared_app: Flask) -> None:
    known = commands(shared_app)
    wrong = []
    for page in PAGES:
        for quoted in re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")):
            typed = quoted.removeprefix("./run ").removeprefix("flask ")
            found = re.match(rf"((?:{GROUPS})(?: [a-z][a-z-]+)?)(?= |$)", typed)
            if found and " " in typed and found[1] not in known and found[1] not in {"db upgrade", "db check"}:
                wrong.append(f"{page.name}: {quoted}")
    assert not wrong, "\n".join(wrong)


def test_every_command_of_ours_is_in_the_readme_or_its_group_is(shared_app: Flask) -> None:
    listed = re.sub(r"\s+", " ", README)
    operators = {
        *("users create-admin", "sellers create", "demo accounts", "jobs run", "orders expire", "orders confirm-due"),
        *("payments reconcile", "ledger check", "revenue rebuild", "revenue verify", "audit verify", "awards assess"),
        *("backup create", "backup verify", "backup restore"),
    }
    assert operators <= commands(shared_app)
    assert [command for command in sorted(operators) if f"{command}" not in listed] == []


def test_every_command_says_what_it_does(shared_app: Flask) -> None:
    for name in commands(shared_app):
        command: click.Command = shared_app.cli
        for word in name.split():
            assert isinstance(command, click.Group)
            found = command.get_command(click.Context(command), word)
            assert found
            command = found
        assert command.help, name


# --- names and places ---


def test_documents_link_only_to_what_is_there() -> None:
    folders = "marketplace|docs|tests|seed|sandbox|templates|static|migrations"
    named: list[Path] = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not re.match(r"https?:", link)]
        named += [page.parent / link for link in links]
        named += [ROOT / quoted for quoted in re.findall(rf"`((?:{folders})/[\w./-]+)`", text)]
    assert [str(path) for path in named if not path.exists()] == []


def test_modules_that_documents_name_exist() -> None:
    """payments/gateway.py in a page means marketplace/payments/gateway.py."""
    wrong = [
        f"{page.name}: {quoted}"
        for page in PAGES
        for quoted in re.findall(r"`([a-z_]+/[a-z_]+\.py)`", page.read_text(encoding="utf-8"))
        if not (ROOT / "marketplace" / quoted).exists() and not (ROOT / quoted).exists()
    ]
    assert not wrong, "\n".join(wrong)


def test_the_documents_are_there() -> None:
    for name in ("README.md", "CHANGELOG.md", "docs/architecture.md", "docs/glossary.md"):
        assert (ROOT / name).is_file(), name
    assert README.index("./run ") < README.index("## ")  # the two commands come first
    assert re.search(r"^\s+\./run test", README, re.MULTILINE)
    assert "unproven" in README


def test_decisions_are_numbered_without_a_gap_and_say_why() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {page.name[:4]} "), page.name
        assert "**Decided.**" in text, page.name
        assert "**Why.**" in text, page.name


def test_nothing_points_outside_of_the_repository() -> None:
    """Whoever clones it has no folder beside it."""
    outside = re.compile("|".join((r"\.\./" + "shared", "/" + r"work/", "/home" + "/", "/Users" + "/")))
    wrong = [name for name, text in texts() if outside.search(text)]
    assert wrong == []


def test_no_secret_lies_in_the_tree() -> None:
    kinds = (r"sk_live_\w{16}", r"-----BEGIN [A-Z ]*PRIVATE KEY", r"AKIA[0-9A-Z]{16}", r"whsec_[0-9A-Za-z]{32}")
    secret = re.compile("|".join(kinds))
    assert [name for name, text in texts() if secret.search(text)] == []


def test_packages_are_installed_from_no_named_place() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-uv.txt"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"^(-i|--index-url|--extra-index-url|--find-links)", text, re.MULTILINE), name


# --- manners ---


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        source.module
        for folder in (ROOT / "marketplace", ROOT / "sandbox", ROOT / "tests")
        for source in sources(folder)
        if source.lines and not ast.get_docstring(source.tree)
    ]
    assert silent == []


def test_every_public_service_says_what_it_promises() -> None:
    silent = [
        f"{source.module}.{node.name}"
        for source in sources()
        if source.path.name in {"services.py", "rules.py", "queries.py"}
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not ast.get_docstring(node)
        # A name that says everything, in a few lines, needs no sentence.
        and len(node.body) > 3
    ]
    assert silent == []


def test_no_file_is_named_after_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    assert [path for path in tracked() if path.stem in vague] == []


def test_long_files_have_a_reason() -> None:
    """At 400 lines one looks for a second noun; what stays whole is named here."""
    long = {
        path.relative_to(ROOT).as_posix()
        for path in tracked()
        if (path.suffix == ".py" or path.name == "run")
        and not path.is_relative_to(ROOT / "tests")
        and not path.is_relative_to(ROOT / "migrations")
        and len(path.read_text(encoding="utf-8").splitlines()) > LONGEST
    }
    assert long == set(LONG_FILES)


def test_no_work_is_left_standing_in_comments() -> None:
    mark = re.compile(r"\b(TODO|FIXME|XXX|HACK|TEMPORARY)\b")
    wrong = [
        f"{name}: {line.strip()[:80]}"
        for name, text in texts()
        if name.endswith((".py", ".html", ".js", ".css", "run")) and name != "tests/house/test_docs.py"
        for line in text.splitlines()
        if mark.search(line)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("word", ["lot number", "withdraw money", "wallet", "escrow"])
def test_words_that_the_product_does_not_use(word: str) -> None:
    """One word per thing (docs/glossary.md), and none that promises to hold other people's money (no custody)."""
    kinds = ("marketplace/", "templates/")
    assert [name for name, text in texts() if name.startswith(kinds) and word in text.lower()] == []
