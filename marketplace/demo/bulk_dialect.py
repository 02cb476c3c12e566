"""The few words of SQL that the two databases say differently, for the statements that load a large market."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from marketplace.database import CODE_ALPHABET, EPOCH_MS, db

CODE_LENGTH = 7  # before the check character
_STEP = 10_000_019  # not divisible by 31, so that each number has a code of its own
_SHANGHAI = 8 * 3600


@dataclass(frozen=True)
class Dialect:
    """Expressions over whole seconds since 1970 and over numbers, as SQL text."""

    name: str

    @property
    def is_sqlite(self) -> bool:
        return self.name == "sqlite"

    def series(self, first: int, last: int) -> str:
        """The numbers from first to last as `s.n`."""
        if self.is_sqlite:
            return (
                f"(WITH RECURSIVE s(n) AS (SELECT {first} WHERE {first} <= {last}"
                f" UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s) AS s"
            )
        return f"generate_series({first}::bigint, {last}::bigint) AS s(n)"

    def instant(self, seconds: str) -> str:
        if self.is_sqlite:
            return f"strftime('%Y-%m-%d %H:%M:%S.000000', {seconds}, 'unixepoch')"
        return f"(to_timestamp({seconds}) AT TIME ZONE 'UTC')"

    def day(self, seconds: str) -> str:
        """The day in Shanghai."""
        if self.is_sqlite:
            return f"date({seconds} + {_SHANGHAI}, 'unixepoch')"
        return f"(to_timestamp({seconds} + {_SHANGHAI}) AT TIME ZONE 'UTC')::date"

    def year(self, seconds: str) -> str:
        if self.is_sqlite:
            return f"CAST(strftime('%Y', {seconds} + {_SHANGHAI}, 'unixepoch') AS INTEGER)"
        return f"extract(year FROM {self.day(seconds)})::int"

    def json(self, written: str) -> str:
        return written if self.is_sqlite else f"({written})::json"

    def token(self) -> str:
        """122 random bits or more."""
        return "lower(hex(randomblob(16)))" if self.is_sqlite else "replace(gen_random_uuid()::text, '-', '')"

    def padded(self, number: str, width: int) -> str:
        return (
            f"printf('%0{width}d', {number})" if self.is_sqlite else f"lpad(({number})::text, {width}, '0')"
        )

    def code(self, scattered: str) -> str:
        """A public code with its check character (database.new_code) of what scattered() made."""
        digits = [f"{scattered} / {31**place} % 31" for place in range(CODE_LENGTH)]
        check = " + ".join(f"{place + 1} * ({digit})" for place, digit in enumerate(digits))
        places = (*digits, f"({check}) % 31")
        return " || ".join(f"substr('{CODE_ALPHABET}', CAST({at} AS INTEGER) + 1, 1)" for at in places)

    def scattered(self, number: str, salt: int) -> str:
        """Each number at a place of its own among all codes."""
        return f"(({number}) * {_STEP} + {salt}) % {31**CODE_LENGTH}"

    def identifier(self, seconds: str, number: str, salt: int) -> str:
        """An id of that moment, as database.new_id() makes them, other ones for each salt; eight in a row are free."""
        milliseconds = f"(({seconds}) * 1000 + {salt % 1000 - EPOCH_MS})"
        return f"{milliseconds} * {1 << 22} + ({number} + {salt // 1000}) % {1 << 19} * 8"

    def run(self, statement: str) -> None:
        db.session.execute(text(statement))

    def keep(self, table: str, query: str) -> None:
        """A temporary table of a query's rows."""
        self.run(f"CREATE TEMP TABLE {table} AS {query}")
        if not self.is_sqlite:
            self.run(f"ANALYZE {table}")

    def tune(self) -> None:
        """Room for hashes and sorted indexes, in this transaction."""
        if not self.is_sqlite:
            self.run("SET LOCAL work_mem = '256MB'")
            self.run("SET LOCAL maintenance_work_mem = '512MB'")

    def look_again(self) -> None:
        """Tell the planner what there is now; SQLite's works without."""
        if not self.is_sqlite:
            self.run("ANALYZE")
