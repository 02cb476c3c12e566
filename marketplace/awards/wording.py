"""The words of the comparison (policy section 12): what may be said of a figure, and how thresholds are named."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _

from marketplace.i18n import language
from marketplace.templating import day as day_words


def N_(sentence: str) -> str:  # noqa: N802 the name that the message extraction looks for
    """Marks a sentence for the message catalogue."""
    return sentence


# These stand in the policy word for word; on English pages the Chinese stands beside the translation.
LABEL = N_(
    "农产品门槛：文件只写“门槛适当降低”，未公布具体数额。"
    "以下按普通门槛的%(percent)s测算，仅供参考，不是申领依据，以主管部门认定为准。"
)
BASIS_UNCONFIRMED = N_("依据：赣市府发〔2015〕2号 四（二）1；该文件现行效力未核实。")
BASIS_CONFIRMED = N_("依据：赣市府发〔2015〕2号 四（二）1。")
BASIS_PUBLISHED = N_("依据：%(document)s 自%(day)s起")

READINGS: Mapping[tuple[str, str | None], str] = {
    ("threshold_operator", "gt"): N_("超过才算突破，等于不算"),
    ("threshold_operator", "gte"): N_("达到就算突破"),
    ("first_scope", "history"): N_("首次：看全部已知年度"),
    ("first_scope", "policy"): N_("首次：文件没有覆盖的年度不占档次"),
    ("unknown_history", "ask"): N_("以往年度没核实：先问，只显示最高可达"),
    ("unknown_history", "assume_none"): N_("以往年度没核实：当作没有"),
    ("same_year_tiers", "highest"): N_("同年跨过几档，只按最高一档"),
    ("same_year_tiers", "sum"): N_("同年跨过几档，各档相加"),
    ("cross_year", "full"): N_("以后年度突破更高一档，按全额"),
    ("cross_year", "top_up"): N_("以后年度突破更高一档，只补差额"),
    ("across_modes", "highest"): N_("几种模式同年突破，取最高一项"),
    ("across_modes", "sum"): N_("几种模式同年突破，各项相加"),
    ("disqualified_first", "lost"): N_("在取消资格的年度首次突破，以后不再是首次"),
    ("disqualified_first", "deferred"): N_("在取消资格的年度首次突破，留给以后年度"),
    ("recognition_event", "completed"): N_("买家确认收货（含自动确认），才算销售额"),
    ("declared", "apart"): N_("别的平台自行申报的另列，不计入"),
    ("declared", "counted"): N_("别的平台自行申报的，有证据就计入"),
    ("natural_persons", "review"): N_("自然人是否适用，由人认定"),
    ("natural_persons", "accepted"): N_("自然人也适用"),
    ("natural_persons", "excluded"): N_("自然人不适用"),
    ("sole_trader_side", "enterprise"): N_("个体工商户按企业一方"),
    ("sole_trader_side", "person"): N_("个体工商户按个人一方"),
    ("agri_scope", "primary_only"): N_("农产品只算初级产品，茶油等加工品不算"),
    ("agri_scope", "primary_and_processed"): N_("农产品算初级产品和加工品"),
    ("agri_basis", "agricultural"): N_("和降低的门槛比的，只是农产品销售额"),
    ("agri_basis", "all"): N_("和降低的门槛比的，是全部销售额"),
    ("indicative_factor", None): N_("农产品门槛没有公布数，也不作测算"),
    ("effective_to", None): N_("文件没有写明截止日期"),
    ("force_confirmed_until", None): N_("文件的现行效力未核实"),
}
CLAUSE = re.compile(r"(\w)（(\w)）([0-9]+)")
OURSELVES = "赣橙集"  # issuer of our own readings
# The readings that the revenue award uses; the rest belongs to other items of the document.
SHOWN = (
    "indicative_factor",
    "agri_share_min",
    "agri_scope",
    "agri_basis",
    "threshold_operator",
    "recognition_event",
    "first_scope",
    "unknown_history",
    "same_year_tiers",
    "cross_year",
    "across_modes",
    "declared",
    "natural_persons",
    "sole_trader_side",
    "nexus_kinds",
    "disqualified_first",
    "effective_from",
    "effective_to",
    "force_confirmed_until",
)


def tier(number: int) -> str:
    """一档, 二档, 三档."""
    return {1: _("一档"), 2: _("二档"), 3: _("三档")}.get(number, str(number))


def tiers(numbers: list[int]) -> str:
    return str(_("、")).join(map(tier, numbers))


def round_amount(fen: int) -> str:
    """A threshold or an award, exactly: 5,000万, 1亿, 2,500.5万; ¥50,000,000 in English."""
    yuan = Decimal(fen) / 100
    if language() == "en":
        return f"¥{yuan:,.2f}".removesuffix(".00")
    if yuan >= 100_000_000 and yuan % 10_000_000 == 0:
        return f"{_plain(yuan / 100_000_000)}亿"
    return f"{_plain(yuan / 10_000)}万"


def short_amount(fen: int) -> str:
    """The same, exactly, where there is little room: ¥50M, ¥1bn, ¥20k in English."""
    if language() != "en":
        return round_amount(fen)
    for size, letters in ((10**9, "bn"), (10**6, "M"), (10**3, "k")):
        if fen >= size * 100 and fen % size == 0:  # to the hundredth of its unit
            return f"¥{_plain(Decimal(fen) / 100 / size)}{letters}"
    return round_amount(fen)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():,f}"


def percent(share: Decimal | str) -> str:
    """0.5 → 50%, 0.9821 → 98.21%."""
    return f"{_plain(Decimal(share) * 100)}%"


def clause(text: str) -> str:
    """四（二）1, in English 4(2)1 as in our own sentences; a clause of another form as it is written."""
    found = CLAUSE.fullmatch(text) if language() == "en" else None
    if found is None:
        return text
    part, section = (int(unicodedata.numeric(numeral, 0)) for numeral in found.groups()[:2])
    return f"{part}({section}){found[3]}"


def source(row: Mapping[str, Any]) -> str:
    """Where a stored figure comes from; the clause is the Opinion's, also where another paper lent the value."""
    paper = row["issuer"] if row["issuer"] in row["document"] else f"{row['issuer']}{row['document']}"
    if row["document"]:
        return f"{paper} {clause(row['clause'])}"
    if paper == OURSELVES:
        paper = _("赣橙集自己定的")
    return str(
        _("赣市府发〔2015〕2号 %(clause)s 没有写明，取值来自：%(source)s", clause=clause(row["clause"]), source=paper)
    )


def reading(key: str, value: Any) -> str:
    """One setting as a sentence; its key and value where none was written."""
    sentence = READINGS.get((key, value)) if value is None or isinstance(value, str) else None
    if sentence is not None:
        return str(_(sentence))
    match key:
        case "indicative_factor":
            return str(_("农产品门槛：普通门槛 × %(factor)s。文件没有公布数", factor=value))
        case "agri_share_min":
            return str(_("农产品占全年销售额至少 %(percent)s，才按农产品企业看", percent=percent(value)))
        case "nexus_kinds":
            return str(_("注册、总部、运营中心、结算中心，认可的有一样在赣州就行"))
        case "effective_from":
            return str(_("文件自 %(day)s 起适用", day=day_words(date.fromisoformat(value))))
        case "effective_to":
            return str(_("文件适用到 %(day)s", day=day_words(date.fromisoformat(value))))
        case "force_confirmed_until":
            return str(_("%(day)s 以后年度的现行效力未核实", day=day_words(date.fromisoformat(value))))
    return f"{key}: {value}"
