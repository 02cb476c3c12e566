"""What a frozen year says, beside what the same year would say now (policy section 10)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask_babel import gettext as _

from marketplace.awards import wording
from marketplace.awards.assessment import Result
from marketplace.awards.facts import Mode
from marketplace.awards.reports import Report


@dataclass(frozen=True)
class Difference:
    """One thing that changed since the freeze, in words."""

    words: str
    before: str
    after: str


def differences(frozen: Report, now: Report) -> list[Difference]:
    """What the same year would say today otherwise than when it was frozen: result, amounts, states, settings."""
    found = [
        Difference(words, before, after) for words, before, after in _compared(frozen, now) if before != after
    ]
    return [*found, *_changed_settings(frozen, now)]


def _compared(frozen: Report, now: Report) -> Iterable[tuple[str, str, str]]:
    words = {
        Result.FIRM: _("已超过公布门槛"),
        Result.POSSIBLE: _("可能符合（门槛未公布）"),
        Result.NOT_YET: _("尚差"),
    }
    yield _("结果"), words[Result(frozen.result)], words[Result(now.result)]
    yield _("公布门槛，确定"), f"¥{frozen.award['firm_yuan']}", f"¥{now.award['firm_yuan']}"
    yield _("测算，最高可达"), f"¥{frozen.award['possible_yuan']}", f"¥{now.award['possible_yuan']}"
    for mode in Mode:
        before, after = (report.revenue["verified_yuan"][mode.value] for report in (frozen, now))
        yield _("%(mode)s 销售额", mode=mode.upper()), f"¥{before}", f"¥{after}"


def _changed_settings(frozen: Report, now: Report) -> Iterable[Difference]:
    before = {row["key"]: row["value"] for row in frozen.rows("parameter")}
    for row in now.rows("parameter"):
        key = row["key"]
        if key in wording.SHOWN and before.get(key) != row["value"]:
            old, new = wording.reading(key, before.get(key)), wording.reading(key, row["value"])
            yield Difference(_("参数"), old, new)
    known = {row["words"] for row in frozen.threshold_rows if row["is_adopted"]}
    for row in now.threshold_rows:
        if row["is_adopted"] and row["words"] not in known:
            now_words = _("%(words)s（%(document)s）", words=row["words"], document=row["document"])
            yield Difference(_("农产品门槛"), _("没有公布"), now_words)
