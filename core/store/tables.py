"""The tables of the ledger, and the statements that fill them. Nothing is newer than SQLite 3.34."""

from __future__ import annotations

FORMAT = 4
"""`user_version` of the files that this reads and writes."""

APPLICATION = 0x42414B45

FIRST_SCHEMA = """
create table meta (name text primary key, value) without rowid;
create table runs (
    run text primary key, first integer not null, started real not null, selection text not null,
    jobs integer not null, pid integer not null, boot text not null, epoch integer not null,
    last integer, finished real, status text not null default 'running', counts text not null default '{}'
);
create index runs_by_first on runs (first);
create table events (
    seq integer primary key, run text not null, ts real not null, kind text not null,
    task text, asset text, data text not null, facts text
);
create table materializations (
    seq integer primary key, asset text not null, task text not null, run text not null, ts real not null,
    duration real not null, codec text not null, digest text not null, size integer not null,
    version text not null, type text not null, metadata text not null, inline blob
);
create index materializations_by_asset on materializations (asset, seq);
create table assets (asset text primary key, seq integer not null) without rowid;
create table steps (
    task text primary key, digest text not null, body text not null, version text not null,
    run text not null, seq integer not null, ts real not null,
    duration real not null, duration2 real, duration3 real, duration4 real, duration5 real
);
create table attempts (
    task text primary key, run text not null, number integer not null, state text not null,
    started real not null, finished real not null, error text not null, log text, seq integer not null
);
create table stamps (digest text primary key, stamp text not null) without rowid;
"""

SEALS = "create table seals (seq integer primary key, head blob not null)"
"""One row for each group that was committed: the number of its last event, and the head of the chain then."""

SLOTS = """create table slots (
    schedule text not null, slot integer not null, first integer not null, missed integer not null,
    run text, seq integer not null, primary key (schedule, slot)
) without rowid"""
"""One row for each slot of a schedule that began a run (`missed` is 0), and one for each series of slots that were
missed, by its last. Times are whole Unix times in seconds."""

FINDINGS = """
create index checks_by_asset on events (asset, seq) where kind in ('check_passed', 'check_failed');
create index schemas_by_asset on events (asset, seq) where kind = 'schema_changed';
"""
"""Ways to the few events that say what was found of a value; other events cost nothing for them."""

SECOND_SCHEMA = f"{FIRST_SCHEMA}{SEALS};"
THIRD_SCHEMA = f"{SECOND_SCHEMA}{SLOTS};"
SCHEMA = f"{THIRD_SCHEMA}{FINDINGS}"


def settled(statement: str) -> str:
    """A statement as it can be compared with what SQLite keeps of it."""
    return " ".join(statement.split()).lower()


def _statements(schema: str) -> frozenset[str]:
    return frozenset(found for statement in schema.split(";") if (found := settled(statement)))


SCHEMAS = {
    1: _statements(FIRST_SCHEMA),
    2: _statements(SECOND_SCHEMA),
    3: _statements(THIRD_SCHEMA),
    4: _statements(SCHEMA),
}
"""All statements of a format."""

ATTEMPTS_OF = """select task, kind, ts, data from events where seq >= ? and run = ? and kind in ('step_started',
    'step_succeeded', 'step_failed', 'step_cancelled', 'step_reused', 'step_spared', 'step_blocked') order by seq"""
"""The beginnings and ends of the attempts of a run, and of the steps that were not begun."""

_EVENTS = "select seq, ts, run, kind, task, asset, data from events where"
CHECKS_OF = f"{_EVENTS} asset = ? and kind in ('check_passed', 'check_failed') order by seq desc limit ?"
SCHEMAS_OF = f"{_EVENTS} asset = ? and kind = 'schema_changed' order by seq desc limit ?"
LAST_SCHEMAS = f"{_EVENTS} seq in (select max(seq) from events where kind = 'schema_changed' group by asset)"

VALUE_COLUMNS = "seq, asset, task, run, ts, duration, codec, digest, size, version, type, metadata, inline"
STEP_COLUMNS = "task, digest, body, version, run, seq, ts, duration"

PUT_EVENTS = ("insert into events values ", 8, "")
PUT_VALUES = (f"insert into materializations ({VALUE_COLUMNS}) values ", 13, "")
PUT_ASSETS = ("insert or replace into assets values ", 2, "")
PUT_STAMPS = ("insert or replace into stamps values ", 2, "")
PUT_ATTEMPTS = ("insert or replace into attempts values ", 9, "")
PUT_SEALS = ("insert into seals values ", 2, "")
PUT_SLOTS = ("insert into slots values ", 6, "")
PUT_RUNS = ("insert into runs (run, first, started, selection, jobs, pid, boot, epoch) values ", 8, "")
RESTORE_STEPS = "update steps set digest = ?, body = ?, version = ?, run = ?, seq = ?, ts = ? where task = ?"
PUT_STEPS = (
    f"insert into steps ({STEP_COLUMNS}) values ",
    8,
    """ on conflict (task) do update set digest = excluded.digest, body = excluded.body,
    version = excluded.version, run = excluded.run, seq = excluded.seq, ts = excluded.ts,
    duration5 = duration4, duration4 = duration3, duration3 = duration2, duration2 = duration,
    duration = excluded.duration""",
)
