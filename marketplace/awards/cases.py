"""`flask awards assess FILE`: what-if cases from JSON Lines in, one result a line out; stores nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from marketplace.awards.case_reading import Case, Line, read_case, read_line
from marketplace.awards.case_values import Malformed
from marketplace.awards.case_writing import assessment_data
from marketplace.awards.policy import Policy
from marketplace.awards.policy_data import load_policy
from marketplace.awards.rules import assess

FINE, MALFORMED = 0, 2
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def run_path(path: str, out: TextIO, err: TextIO) -> int:
    """As `run_file` for the file of that name, standard input for `-`."""
    if path == "-":
        return run_file(sys.stdin.buffer, out, err)
    try:
        stream = Path(path).open("rb")  # noqa: SIM115 closed below; only the opening may be refused
    except (OSError, ValueError) as error:
        return _unreadable(path, error, err)
    with stream:
        return run_file(stream, out, err)


def run_file(stream: BinaryIO, out: TextIO, err: TextIO) -> int:
    """Assesses every case of a stream of bytes and returns the exit status.

    0: one result a line on `out`, in order. 2: something is malformed; nothing on `out`, and on `err` a message
    `line N: PATH: what is wrong` for each bad line.
    """
    try:
        content = stream.read()
    except OSError as error:
        return _unreadable(getattr(stream, "name", "-"), error, err)
    cases, complaints = read_cases(content, load_policy())
    if complaints:
        _write(err, "".join(f"{complaint}\n" for complaint in complaints))
        return MALFORMED
    for case_id, case in cases:
        _write(out, _line(case_id, case))
        if case.claims.waiting:
            waiting = ", ".join(case.claims.waiting)
            _write(err, f"{_printable(case_id)}: read but not assessed yet: {waiting}\n")
    return FINE


def read_cases(content: bytes, policy: Policy) -> tuple[list[tuple[str, Case]], list[str]]:
    """All cases with their ids in input order, and a complaint for each malformed line."""
    cases: list[tuple[str, Case]] = []
    complaints = []
    ids: set[str] = set()
    for number, written in enumerate(content.removeprefix(BYTE_ORDER_MARK).split(b"\n"), start=1):
        if not written.strip(b" \t\r"):
            continue
        try:
            line = _outer(written, number)
            if line.id in ids:
                raise Malformed("id", f'"{line.id}" occurs twice')
            ids.add(line.id)
            cases.append((line.id, read_case(line.case, policy)))
        except Malformed as fault:
            complaints.append(f"line {number}: {_printable(fault.path)}: {_printable(fault.what)}")
    return cases, complaints


def _outer(written: bytes, number: int) -> Line:
    try:
        return read_line(written.decode("utf-8"), number)
    except UnicodeDecodeError as error:
        raise Malformed("line", "is not UTF-8") from error


def _line(case_id: str, case: Case) -> str:
    result: dict[str, Any] = {"id": case_id, **assessment_data(assess(case.policy, case.facts))}
    written = json.dumps(result, ensure_ascii=False)
    # An id may hold half a surrogate pair, which has no UTF-8 form; the escaped form says the same.
    return f"{written if _has_utf8_form(written) else json.dumps(result)}\n"


def _has_utf8_form(written: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in written)


def _printable(written: str) -> str:
    """On one line, whatever a file put into its keys."""
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in written)


def _unreadable(name: object, error: Exception, err: TextIO) -> int:
    _write(err, f"{_printable(str(name))}: cannot be read: {_printable(str(error))}\n")
    return MALFORMED


def _write(stream: TextIO, written: str) -> None:
    """UTF-8 whatever the terminal's encoding is."""
    raw = getattr(stream, "buffer", None)
    if raw is None:
        stream.write(written)
        return
    stream.flush()
    raw.write(written.encode("utf-8"))
    raw.flush()
