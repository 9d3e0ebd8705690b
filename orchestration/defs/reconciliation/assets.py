"""The ledger against what banks state: matches, breaks, and the morning picture."""

from datetime import UTC, date, datetime, time, timedelta

import dagster as dg
import polars as pl

from ledger_service.payments.break_cases.cases import cases
from ledger_service.payments.break_cases.sync import sync
from ledger_service.payments.break_cases.write_offs import write_offs
from ledger_service.runtime.database import Database, Role
from orchestration.asset import LEDGER_POOL, business_date_asset
from orchestration.asset_page import in_major_units, pages_wanted, picture, table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.lake.ledger_tables import (
    ACCOUNTS,
    ENTRIES,
    PARTICIPANTS,
    PAYMENTS,
    STATED_BALANCES,
)
from pipelines.reconciliation.control_totals import control_totals
from pipelines.reconciliation.reconcile import ClosedDay, Earlier, Reconciliation, reconcile
from pipelines.reconciliation.report import write_report
from pipelines.reconciliation.report_figures import figures_of
from pipelines.reconciliation.report_inputs import (
    ACCOUNT_REFS_SCHEMA,
    CASES_SCHEMA,
    ReportDay,
    ReportNames,
)
from pipelines.reconciliation.report_plots import plots_of
from pipelines.reconciliation.report_verdict import verdict_of
from pipelines.reconciliation.rules import Rules, load_rules
from pipelines.reconciliation.tables import (
    BREAKS,
    MATCHES,
    PROPOSALS,
    RECONCILED_ACCOUNTS,
    RECONCILED_TOTALS,
    RECONCILIATION_EVIDENCE,
    STATEMENT_QUARANTINE,
)
from pipelines.reconciliation.write_offs import WRITE_OFFS_SCHEMA

REPEATS_DAYS = 7
"""How far back a bank might repeat an entry that was matched before."""
REPORTED_BEFORE = timedelta(days=31)
"""How far back the report's trend goes."""


@business_date_asset(
    group="reconciliation",
    owner="finance",
    kinds={"polars", "postgres", "xml"},
    deps=["close"],
    pool=LEDGER_POOL,
)
def reconciliation(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Nostro accounts against partner banks' statements, and accounts against stated balances.

    Every item ends matched or as a break with class, amount, age and owner.
    """
    days = business_dates(context)
    lake, rules = platform.lake, load_rules()
    with platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as database:
        booked = write_offs(database)
    for day in days:
        closed = ClosedDay(
            accounts=lake.read(ACCOUNTS, day),
            entries=lake.read(ENTRIES, day),
            payments=lake.read(PAYMENTS, day),
            stated_balances=lake.read(STATED_BALANCES, day),
        )
        result = reconcile(
            business_date=day,
            day=closed,
            statements=platform.statements(day),
            earlier=_earlier(platform, day),
            rules=rules,
            write_offs=_write_offs(booked, closed.entries),
        )
        lake.write(MATCHES, day, result.matches)
        lake.write(BREAKS, day, result.breaks)
        lake.write(RECONCILED_ACCOUNTS, day, result.accounts)
        lake.write(RECONCILIATION_EVIDENCE, day, result.evidence)
        lake.write(PROPOSALS, day, result.proposals)
        lake.write(STATEMENT_QUARANTINE, day, result.rejected)
        totals = control_totals(
            accounts=closed.accounts,
            entries=closed.entries,
            accounts_before=_accounts_before(platform, day),
        )
        lake.write(RECONCILED_TOTALS, day, totals.with_columns(business_date=pl.lit(day)))
        wanted = pages_wanted(days) or day == days[-1]
        context.add_asset_metadata(
            {
                "matched": result.matches.height,
                "proposed": result.proposals.height,
                "open breaks": result.breaks.height,
                "statement rows refused": result.rejected.height,
                "what changed": _synced(platform, result.breaks, day=day),
                **(_report(platform, result, day=day, rules=rules) if wanted else {}),
            },
            partition_key=str(day),
        )


def _earlier(platform: Platform, day: date) -> Earlier:
    """What the reconciliation before left open, and what it matched lately."""
    lake = platform.lake
    before = [earlier for earlier in lake.dates(BREAKS) if earlier < day]
    if not before:
        return Earlier.nothing()
    recent = [earlier for earlier in before if day - earlier <= timedelta(days=REPEATS_DAYS)]
    return Earlier(
        breaks=lake.read(BREAKS, before[-1]),
        accounts=lake.read(RECONCILED_ACCOUNTS, before[-1]),
        matches=lake.scan(MATCHES, recent).collect(),
    )


def _accounts_before(platform: Platform, day: date) -> pl.DataFrame:
    """The accounts at the close before."""
    before = [earlier for earlier in platform.lake.dates(ACCOUNTS) if earlier < day]
    return platform.lake.read(ACCOUNTS, before[-1]) if before else ACCOUNTS.empty()


def _write_offs(booked: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """`WRITE_OFFS_SCHEMA` of the date: write-offs with the entries that they are."""
    keys = ["book_id", "account_id", "transfer_id"]
    of_date = booked.join(entries.select(*keys, "version"), on=keys, how="inner")
    return of_date.select(list(WRITE_OFFS_SCHEMA))


def _synced(platform: Platform, breaks: pl.DataFrame, *, day: date) -> str:
    """Take the open breaks over into their cases; what changed, in words."""
    at = datetime.combine(day + timedelta(days=1), time(), UTC)
    with platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as database:
        done = sync(database, breaks, business_date=day, at=at)
    return (
        f"{len(done.opened)} opened, {len(done.changed)} changed, {len(done.resolved)} resolved, "
        f"{len(done.reopened)} found again"
    )


def _cases(platform: Platform, breaks: pl.DataFrame) -> pl.DataFrame:
    """`CASES_SCHEMA`: what people have done about the breaks."""
    wanted = set(breaks["ref"])
    with platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as database:
        known = [one for one in cases(database) if one.break_ref in wanted]
    rows = [
        (
            one.break_ref,
            one.state.replace("_", " "),
            one.assignee,
            one.due_on,
            "; ".join(each.words for each in one.events if each.words) or None,
        )
        for one in known
    ]
    return pl.DataFrame(rows, schema=CASES_SCHEMA, orient="row")


def _report(
    platform: Platform, result: Reconciliation, *, day: date, rules: Rules
) -> dict[str, dg.MetadataValue[str] | str]:
    """Write the report of a date; what its page shows of it, the answer first."""
    lake = platform.lake
    before = [each for each in lake.dates(BREAKS) if timedelta() < day - each <= REPORTED_BEFORE]
    participants = lake.read(PARTICIPANTS, day).select("participant_id", "name")
    names = ReportNames.of_rules(
        rules, participants=dict(participants.iter_rows()), exponents=platform.exponents(day)
    )
    reported = ReportDay(
        business_date=day,
        accounts=result.accounts,
        matches=result.matches,
        breaks=result.breaks,
        proposals=result.proposals,
        refused=lake.read(STATEMENT_QUARANTINE, day),
        accounts_before=lake.scan(RECONCILED_ACCOUNTS, before),
        breaks_before=lake.scan(BREAKS, before),
        account_refs=lake.read(ACCOUNTS, day).select(list(ACCOUNT_REFS_SCHEMA)),
        cases=_cases(platform, result.breaks),
    )
    paths = write_report(platform.settings.reports, reported, names=names)
    figures = figures_of(reported, names=names)
    verdict = verdict_of(figures, names=names)
    shown = result.breaks.sort("age_days", "difference_minor", descending=True).select(
        "break_class",
        "participant_id",
        "counterparty_id",
        "external_ref",
        "currency",
        "ledger_minor",
        "stated_minor",
        "difference_minor",
        "first_seen",
        "age_days",
        "owner",
        "ref",
    )
    answers = [f"**{question}** {'; '.join(lines)}" for question, lines in verdict.answers]
    return {
        "is everything there?": verdict.sentence,
        "what, how much, since when, whose": dg.MetadataValue.md("\n\n".join(answers) or "yes"),
        "report": dg.MetadataValue.path(paths[0]),
        **{
            plot.title: picture(plot.svg.encode(), title=plot.title)
            for plot in plots_of(figures, names=names)
        },
        "breaks": table(in_major_units(shown, names.exponents)),
    }
