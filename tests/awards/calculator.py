"""Runs the what-if calculator in tests: cases as Python values in, results as JSON values out."""

from __future__ import annotations

import io
import json
from typing import Any

from marketplace.awards.cases import run_file


def run(content: bytes | str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error for the content of a file."""
    raw = content.encode() if isinstance(content, str) else content
    out, err = io.StringIO(), io.StringIO()
    return run_file(io.BytesIO(raw), out, err), out.getvalue(), err.getvalue()


def result_of(**case: Any) -> dict[str, Any]:
    """The whole result of one case; `from`, `class` and the like stand in inner dicts."""
    status, out, err = run(json.dumps({"id": "x", "case": case}))
    assert status == 0, err
    return json.loads(out)  # type: ignore[no-any-return]


def award_of(year: int, **case: Any) -> dict[str, Any]:
    """The award of one year of a case."""
    return result_of(**case)["years"][str(year)]["award"]  # type: ignore[no-any-return]


def codes(award: dict[str, Any]) -> set[str]:
    return {reason["code"] for reason in award["reasons"]}


def complaint_of(line: str | bytes) -> str:
    """The one complaint about a file of one malformed line, without its line number."""
    status, out, err = run(line)
    assert (status, out) == (2, ""), err
    assert err.startswith("line 1: "), err
    assert err.count("\n") == 1
    return err.removeprefix("line 1: ").rstrip("\n")


def complaint_about(**case: Any) -> str:
    return complaint_of(json.dumps({"case": case}))
