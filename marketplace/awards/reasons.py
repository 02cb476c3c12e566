"""Why an award came out as it did: stable codes, each with its clause and a sentence for pages to translate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

AWARD_CLAUSE = "四（二）1"
NON_DUPLICATION_CLAUSE = "四（五）3"


def N_(sentence: str) -> str:  # noqa: N802 the name that the message extraction looks for
    """Marks a sentence for the message catalogue; the page translates it when it is shown."""
    return sentence


class ReasonCode(StrEnum):
    """Codes may be added, never renamed: stored assessments and staff's files name them."""

    FIRST_BREAK = "first_break"
    INDICATIVE_BREAK = "indicative_break"
    PUBLISHED_AGRI_THRESHOLD = "published_agri_threshold"
    BELOW_THRESHOLD = "below_threshold"
    USED_UP = "used_up"
    SKIPPED_TIER_USED_UP = "skipped_tier_used_up"
    MODES_NOT_CUMULATIVE = "modes_not_cumulative"
    TOP_UP = "top_up"
    BELOW_AGRI_SHARE = "below_agri_share"
    AGRI_THRESHOLD_UNCONFIRMED = "agri_threshold_unconfirmed"
    UNCLASSIFIED_REVENUE = "unclassified_revenue"
    NATURAL_PERSON = "natural_person"
    HISTORY_UNKNOWN = "history_unknown"
    YEAR_NOT_COVERED = "year_not_covered"
    PERSON_EXCLUDED = "person_excluded"
    NO_NEXUS = "no_nexus"
    NEXUS_WITHOUT_EVIDENCE = "nexus_without_evidence"
    INCIDENT_DECIDED = "incident_decided"
    INCIDENT_ALLEGED = "incident_alleged"
    DECLARED_APART = "declared_apart"
    DECLARED_WITHOUT_EVIDENCE = "declared_without_evidence"
    AFFILIATES_APART = "affiliates_apart"
    PREDECESSOR_INCLUDED = "predecessor_included"
    PREDECESSOR_UNDOCUMENTED = "predecessor_undocumented"
    REFUND_AFTER_FREEZE = "refund_after_freeze"
    SHAM_EXCLUDED = "sham_excluded"
    SHAM_SUSPECTED = "sham_suspected"
    OFFLINE_EXCLUDED = "offline_excluded"
    SEASON_APART = "season_apart"


SENTENCES: dict[ReasonCode, str] = {
    ReasonCode.FIRST_BREAK: N_("首次突破公布门槛"),
    ReasonCode.INDICATIVE_BREAK: N_("突破测算门槛，公布数额尚无"),
    ReasonCode.PUBLISHED_AGRI_THRESHOLD: N_("适用已公布的农产品门槛"),
    ReasonCode.BELOW_THRESHOLD: N_("未达任何门槛"),
    ReasonCode.USED_UP: N_("已突破的档次此前已经突破过"),
    ReasonCode.SKIPPED_TIER_USED_UP: N_("同年跨越多档，按最高一档，其余各档视为已用"),
    ReasonCode.MODES_NOT_CUMULATIVE: N_("多种模式同年达标，按最高一项"),
    ReasonCode.TOP_UP: N_("扣除此前已计奖励，按差额"),
    ReasonCode.BELOW_AGRI_SHARE: N_("农产品占比不足，按普通门槛"),
    ReasonCode.AGRI_THRESHOLD_UNCONFIRMED: N_("录入的农产品门槛尚未经第二人确认，未采用"),
    ReasonCode.UNCLASSIFIED_REVENUE: N_("个人对企业的销售不属于三种模式"),
    ReasonCode.NATURAL_PERSON: N_("自然人是否适用，待认定"),
    ReasonCode.HISTORY_UNKNOWN: N_("以往年度销售额不明，最多可达"),
    ReasonCode.YEAR_NOT_COVERED: N_("该年度不在文件适用期内"),
    ReasonCode.PERSON_EXCLUDED: N_("不适用于自然人"),
    ReasonCode.NO_NEXUS: N_("未在赣州注册，总部、运营中心、结算中心亦不在本地"),
    ReasonCode.NEXUS_WITHOUT_EVIDENCE: N_("有主张而无证据"),
    ReasonCode.INCIDENT_DECIDED: N_("当年度发生并已认定的情形，取消资格"),
    ReasonCode.INCIDENT_ALLEGED: N_("有未认定的情形，待复核"),
    ReasonCode.DECLARED_APART: N_("自行申报部分另列"),
    ReasonCode.DECLARED_WITHOUT_EVIDENCE: N_("自行申报部分无证据，未计"),
    ReasonCode.AFFILIATES_APART: N_("关联企业不合并计算"),
    ReasonCode.PREDECESSOR_INCLUDED: N_("前身销售额已并入"),
    ReasonCode.PREDECESSOR_UNDOCUMENTED: N_("前身销售额无文件，未并入"),
    ReasonCode.REFUND_AFTER_FREEZE: N_("年度报告冻结后发生退款"),
    ReasonCode.SHAM_EXCLUDED: N_("刷单订单已剔除"),
    ReasonCode.SHAM_SUSPECTED: N_("有疑似刷单订单，待复核"),
    ReasonCode.OFFLINE_EXCLUDED: N_("线下销售不计"),
    ReasonCode.SEASON_APART: N_("产季跨两个年度，不合并"),
}

_NON_DUPLICATION_CODES = frozenset(
    {
        ReasonCode.SKIPPED_TIER_USED_UP,
        ReasonCode.MODES_NOT_CUMULATIVE,
        ReasonCode.INCIDENT_DECIDED,
        ReasonCode.INCIDENT_ALLEGED,
    }
)


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason with the clause of the document it rests on."""

    code: ReasonCode
    clause: str

    @property
    def sentence(self) -> str:
        """The Chinese sentence, to be translated by the page."""
        return SENTENCES[self.code]


def reasons_for(codes: Iterable[ReasonCode], *, issued_on: str) -> tuple[Reason, ...]:
    """The award's reasons in a fixed order; a year outside the document's time rests on its day of issue."""
    named = set(codes)
    return tuple(Reason(code, _clause(code, issued_on)) for code in ReasonCode if code in named)


def _clause(code: ReasonCode, issued_on: str) -> str:
    if code is ReasonCode.YEAR_NOT_COVERED:
        return issued_on
    return NON_DUPLICATION_CLAUSE if code in _NON_DUPLICATION_CODES else AWARD_CLAUSE
