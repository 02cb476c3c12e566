"""The policy from its reference file: every number of the document stands there, none in code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from marketplace.awards.facts import Mode
from marketplace.awards.parameters import parameter_value
from marketplace.awards.policy import AgriThreshold, Document, Parameter, Policy, Record, RowStatus, Tier

REFERENCE_FILE = Path(__file__).parents[2] / "seed" / "reference" / "policy_2015_2.json"


def load_policy(path: Path = REFERENCE_FILE) -> Policy:
    """The policy of a reference file; raises OSError, ValueError or KeyError when the file is not one."""
    return policy_from_data(json.loads(path.read_text(encoding="utf-8")))


def policy_from_data(data: Mapping[str, Any]) -> Policy:
    """The policy that the reference form describes; raises ValueError or KeyError for anything else."""
    documents = data["documents"]
    opinion = documents[data["document"]]
    return Policy(
        number=opinion["number"],
        title=opinion["title"],
        issuer=opinion["issuer"],
        issued_on=date.fromisoformat(opinion["issued_on"]),
        tiers=tuple(
            Tier(
                Mode(row["mode"]),
                row["tier"],
                row["threshold_fen"],
                row["award_fen"],
                _record(row, documents),
            )
            for row in data["tiers"]
        ),
        parameters=tuple(
            Parameter(row["key"], parameter_value(row["key"], row["value"]), _record(row, documents))
            for row in data["parameters"]
        ),
        agri_thresholds=tuple(
            AgriThreshold(
                modes=tuple(Mode(mode) for mode in row["modes"]),
                record=_record(row, documents),
                factor=Decimal(row["factor"]) if "factor" in row else None,
                thresholds_fen=tuple(row["thresholds_fen"]) if "thresholds_fen" in row else None,
            )
            for row in data["agri_thresholds"]
        ),
    )


def _record(row: Mapping[str, Any], documents: Mapping[str, Any]) -> Record:
    source = documents[row["document"]]
    return Record(
        document=Document(
            number=source["number"],
            issuer=source["issuer"],
            issued_on=_day(source["issued_on"]),
            clause=row["clause"],
            url=source.get("url", ""),
            scan=source.get("scan", ""),
        ),
        status=RowStatus(row["status"]),
        effective_from=date.fromisoformat(row["effective_from"]),
        effective_to=_day(row["effective_to"]),
        entered_by=row["entered_by"],
        confirmed_by=row["confirmed_by"],
        reason=row.get("reason", ""),
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
