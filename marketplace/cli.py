"""The flask commands; each calls one service and prints what it says."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from marketplace import clock, health, places, sealing, security, seeding, settings, worker
from marketplace.audit import SYSTEM
from marketplace.database import run_in_transaction
from marketplace.errors import DomainError
from marketplace.money import format_fen

OTHERS_DATABASE = 3  # a status of its own: ./run must not migrate such a one


def _service(path: str) -> Callable[..., Any]:
    """A service by module:function, loaded when its command runs, so that other commands start fast."""
    module, name = path.split(":")
    found: Callable[..., Any] = getattr(import_module(f"marketplace.{module}"), name)
    return found


def _fail_on(findings: Iterable[str], clean: str) -> None:
    """Print each finding and leave with status 1, or say that all is clean."""
    found = list(findings)
    for sentence in found:
        click.echo(sentence)
    if found:
        sys.exit(1)
    click.echo(clean)


class SpeakingGroup(AppGroup):
    """A rule's refusal is one line and status 1, never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (DomainError, security.KeyFileError) as error:
            raise click.ClickException(str(error)) from error


users = SpeakingGroup("users", help="People and their roles.")
sellers = SpeakingGroup("sellers", help="Shops.")
seed = SpeakingGroup("seed", help="Reference data.")
demo = SpeakingGroup("demo", help="Demo data and its people.")
jobs = SpeakingGroup("jobs", help="Background work.")
orders = SpeakingGroup("orders", help="Orders that wait.")
payments = SpeakingGroup("payments", help="The payment provider's answers.")
ledger = SpeakingGroup("ledger", help="The books.")
revenue = SpeakingGroup("revenue", help="Recognised sales.")
audit_group = SpeakingGroup("audit", help="The operation log.")
awards = SpeakingGroup("awards", help="Comparison with the award thresholds.")
backup = SpeakingGroup("backup", help="Database, pictures and papers in one encrypted file.")
keys = SpeakingGroup("keys", help="Encryption keys.")


@users.command("create-admin")
@click.argument("phone")
@click.argument("name")
def create_admin(phone: str, name: str) -> None:
    """Create an administrator and print the one-time code of the first sign-in."""
    create = _service("accounts.services:create_admin")
    code = run_in_transaction(lambda: create(phone, name))
    click.echo(f"{phone}: one-time code {code}, valid for 60 minutes. Sign in at {_site()}/first-sign-in")


@users.command("reset-second-factor")
@click.argument("phone")
def reset_second_factor(phone: str) -> None:
    """Forget a person's authenticator and print the one-time code to set up another: for the only administrator."""
    code = run_in_transaction(lambda: _service("accounts.second_factor:reset_by_phone")(SYSTEM, phone))
    click.echo(f"{phone}: one-time code {code}, valid for 60 minutes. Sign in at {_site()}/sign-in")


@sellers.command("create")
@click.option("--kind", required=True)
@click.option("--name", required=True, help="Name of the shop.")
@click.option("--legal-name", required=True)
@click.option("--credit-code", default=None)
@click.option("--area", required=True, help="Township or village code.")
@click.option("--phone", required=True, help="The owner's mobile; an account is made if there is none.")
@click.option("--registered-as", default=None, help="For a family farm: how it is registered, if it is.")
def create_seller(**values: Any) -> None:
    """Create an approved seller with its owner."""
    create = _service("sellers.services:create_from_command")
    code, owner_code = run_in_transaction(lambda: create(SYSTEM, **values))
    click.echo(f"shop {code}: {_site()}/shop/{code}")
    if owner_code:
        click.echo(f"owner's one-time code {owner_code}, valid for 60 minutes: {_site()}/first-sign-in")


@sellers.command("authorise")
@click.argument("shop")
@click.argument("mark")
@click.argument("number")
@click.option("--from", "valid_from", type=click.DateTime(["%Y-%m-%d"]), required=True)
@click.option("--to", "valid_to", type=click.DateTime(["%Y-%m-%d"]), required=True)
def authorise_seller(shop: str, mark: str, number: str, valid_from: datetime, valid_to: datetime) -> None:
    """Record a shop's right to a mark, after comparing it with the list of licensed users."""
    find, authorise = _service("sellers.queries:get_public_shop"), _service("provenance.services:authorise")

    def record() -> None:
        seller_id = find(shop).id
        authorise(
            SYSTEM,
            seller_id=seller_id,
            mark=mark,
            number=number,
            valid_from=valid_from.date(),
            valid_to=valid_to.date(),
        )

    run_in_transaction(record)
    click.echo(f"{shop} may use {mark} from {valid_from:%Y-%m-%d} to {valid_to:%Y-%m-%d}")


@seed.command("reference")
def seed_reference() -> None:
    """Load areas, categories, varieties, grades, sizes, carriers and the policy; safe to run again."""
    click.echo(run_in_transaction(seeding.load_reference))


@demo.command("load")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), default=None, help="The day the demo stands at.")
@click.option("--lines", type=click.IntRange(0), default=0, help="Instead: so many order lines of three years,")
@click.option("--sellers", type=click.IntRange(1), default=None, help="of so many sellers,")
@click.option("--products", type=click.IntRange(1), default=None, help="with so many products.")
def demo_load(as_of: datetime | None, lines: int, sellers: int | None, products: int | None) -> None:
    """Load the demo market once, through the services; or a market of any size, for measuring.

    Refuses a production database.
    """
    if lines or sellers or products:
        shops = sellers or 10
        load = _service("demo.bulk:load")
        click.echo(load(lines=lines, sellers=shops, products=products or 20 * shops))
        return
    day: date = as_of.date() if as_of else clock.today()
    click.echo(_service("demo:load_market")(day))


@demo.command("accounts")
@click.option("--json", "as_json", is_flag=True)
def demo_accounts(as_json: bool) -> None:
    """Phone, password, role, place and TOTP secret of the demo's people."""
    people = _service("demo:accounts")()
    if as_json:
        click.echo(json.dumps(people, ensure_ascii=False, indent=2))
        return
    for person in people:
        code = f"  TOTP {person['totp_secret']}" if person["totp_secret"] else ""
        click.echo(f"{person['phone']}  {person['password']}  {person['role']:<18} {person['place']}{code}")


@jobs.command("run")
@click.option("--once", is_flag=True, help="One round of everything, then stop.")
def jobs_run(once: bool) -> None:
    """Work in the background until stopped."""
    worker.run(current_app._get_current_object(), once=once)  # type: ignore[attr-defined]


@orders.command("expire")
def orders_expire() -> None:
    """Cancel unpaid orders whose hold lapsed, the provider's session first."""
    click.echo(f"{_service('payments.services:sweep_unpaid')()} orders cancelled")


@orders.command("confirm-due")
def orders_confirm_due() -> None:
    """Complete delivered orders whose time for confirmation is over."""
    click.echo(f"{_service('orders.services:confirm_due')()} seller orders completed")


@payments.command("reconcile")
@click.option("--since", type=click.DateTime(["%Y-%m-%dT%H:%M"]), help="Compare from this moment (UTC).")
def payments_reconcile(since: datetime | None) -> None:
    """Ask the provider about payments and refunds whose answer never came, and compare what it was paid."""
    moment = since.replace(tzinfo=UTC) if since else None
    for verb, given in (("reconcile", ()), ("compare", (moment,))):
        try:
            sentences = _service(f"payments.reconciling:{verb}")(*given)
        except DomainError as error:
            address = current_app.config["SETTINGS"].provider_url or "Stripe"
            raise click.ClickException(
                f"the payment provider at {address} gave no answer ({error}): look at STRIPE_API_BASE, STRIPE_API_KEY "
                "and the network, then run this again; what was answered until then is recorded"
            ) from error
        for sentence in sentences:
            click.echo(sentence)
    click.echo("reconciled")


@payments.command("give-back")
@click.argument("session")
def payments_give_back(session: str) -> None:
    """Refund a payment whose order is not here, as reconcile names it after a restore."""
    click.echo(f"{format_fen(_service('payments.reconciling:give_back')(session))} are on their way back")


@ledger.command("check")
def ledger_check() -> None:
    """Check every invariant of the books; status 1 names what does not hold."""
    _fail_on(_service("ledger.checks:check")(), "the books are clean")


@revenue.command("rebuild")
def revenue_rebuild() -> None:
    """Rebuild the daily and yearly sums from their entries."""
    run_in_transaction(_service("revenue.services:rebuild"))
    click.echo("rebuilt")


@revenue.command("verify")
def revenue_verify() -> None:
    """Compare the sums with their entries and the orders; status 1 names what differs."""
    _fail_on(_service("revenue.services:verify")(), "revenue is verified")


@audit_group.command("verify")
def audit_verify() -> None:
    """Name each changed, missing or unsealed row of the operation log and of the journal."""
    _fail_on(sealing.verify(), "the operation log and the journal are sound")


@audit_group.command("seal")
def audit_seal() -> None:
    """Seal the rows of past days."""
    worker.seal()
    click.echo("sealed")


@awards.command("assess")
@click.argument("file", type=click.Path(allow_dash=True))
def awards_assess(file: str) -> None:
    """What-if cases, one JSON object a line, compared with the Opinion; stores nothing."""
    sys.exit(_service("awards.cases:run_path")(file, sys.stdout, sys.stderr))


@awards.command("record")
@click.argument("file", type=click.Path(allow_dash=True))
@click.option(
    "--by", default=None, help="Mobile of the member of staff who records; a line may name another."
)
def awards_record(file: str, by: str | None) -> None:
    """Evidence, history, incidents, thresholds and freezes, one JSON object a line: all of them or none."""
    record = _service("awards.recording:run_path")
    sys.exit(record(file, by, sys.stdout, sys.stderr))


@backup.command("create")
@click.argument("target", type=click.Path(path_type=Path))
def backup_create(target: Path) -> None:
    """Write a backup into a folder, or to a new file, while the shop sells."""
    path, told = _service("backup.services:create")(target)
    click.echo(f"{path}: {told}, {path.stat().st_size} bytes")


@backup.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
def backup_verify(file: Path) -> None:
    """Read a backup whole and say what it holds, or what is wrong with it."""
    click.echo(f"{file} is sound: {_service('backup.services:verify')(file)}")


@backup.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
def backup_restore(file: Path) -> None:
    """Put a backup into an empty installation; everything is checked before anything is written."""
    told, is_behind = _service("backup.services:restore")(file)
    click.echo(f"Restored: {told}. What to do now:")
    steps = ["db upgrade"] if is_behind else []
    since = told.made_at.strftime("%Y-%m-%dT%H:%M")
    steps += ["ledger check", "revenue verify", "audit verify", f"payments reconcile --since {since}"]
    for step in steps:
        click.echo(f"  ./run flask {step}")
    click.echo("The last one names payments that were made after the backup. Then start the shop.")


@keys.command("create")
def keys_create() -> None:
    """Make the key file at KEY_FILE; refuses to overwrite one."""
    path = current_app.config["SETTINGS"].key_file
    try:
        security.create_keys(path)
    except FileExistsError:
        raise click.ClickException(f"{path} exists already and is kept.") from None
    click.echo(f"{path} created. Keep it apart from DATA_DIR and from backups.")


@click.command("preflight")
def preflight() -> None:
    """Say what forbids starting, one sentence each; status 1 when there is any, 3 for the other mode's database."""
    config = current_app.config["SETTINGS"]
    found = config.problems()
    if not found:
        mode = "demo" if config.demo else "production"
        try:
            run_in_transaction(lambda: settings.claim_installation(mode))
            if not health.schema_is_current():
                found.append("The database's schema is not this version's: run `./run flask db upgrade`.")
            elif not config.demo and places.find(places.GANZHOU) is None:
                found.append("Areas and words of the trade are missing: run `./run flask seed reference`.")
        except DomainError as error:
            click.echo(
                f"{error}. Set DATABASE_URL or DATA_DIR to another database, or DEMO to match.", err=True
            )
            sys.exit(OTHERS_DATABASE)
        except Exception as error:  # any driver's way of saying that there is no database
            reason = str(error).splitlines()[0]
            found.append(
                f"The database cannot be read ({reason}): check DATABASE_URL, then `./run flask db upgrade`."
            )
    if found:
        for sentence in found:
            click.echo(sentence, err=True)
        sys.exit(1)


def _site() -> str:
    return str(current_app.config["SETTINGS"].site_url)


def init_app(app: Flask) -> None:
    """Bind the commands."""
    for group in (
        users,
        sellers,
        seed,
        demo,
        jobs,
        orders,
        payments,
        ledger,
        revenue,
        audit_group,
        awards,
        backup,
        keys,
        preflight,
    ):
        app.cli.add_command(group)
