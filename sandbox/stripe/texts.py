"""The sandbox's own few sentences, Chinese and English; it shares no catalogue with the shop."""

from flask import request

LANGUAGES = ("zh", "en")

TEXTS: dict[str, tuple[str, str]] = {
    "simulated": ("模拟支付", "Simulated payment"),
    "no_money": ("这是演示，不会真的扣钱。", "This is a demonstration. No money moves."),
    "not_stripe": (
        "本页由演示用的支付沙箱提供，不是 Stripe，也不是支付宝或微信支付。",
        "This page belongs to a payment sandbox. It is not Stripe, Alipay or WeChat Pay.",
    ),
    "amount": ("应付", "Amount due"),
    "items": ("买了什么", "What you are buying"),
    "reference": ("订单", "Order"),
    "pay_with": ("怎么付", "How to pay"),
    "card": ("银行卡", "Bank card"),
    "alipay": ("支付宝", "Alipay"),
    "wechat_pay": ("微信支付", "WeChat Pay"),
    "card_badge": ("卡", "卡"),
    "alipay_badge": ("支", "支"),
    "wechat_pay_badge": ("微", "微"),
    "card_hint": ("不用填卡号", "No card number needed"),
    "alipay_hint": ("不会打开支付宝", "Alipay is not opened"),
    "wechat_pay_hint": ("不用扫码", "No code to scan"),
    "what_happens": ("选一个结果", "Choose the outcome"),
    "pay": ("支付成功", "Payment succeeds"),
    "decline": ("支付失败", "Payment fails"),
    "cancel": ("放弃", "Give up"),
    "later": ("关闭页面后稍后支付", "Close the page, pay later"),
    "decline_hint": ("银行拒绝，可以再试", "The bank refuses; you may try again"),
    "cancel_hint": ("不付，回到商店", "Back to the shop without paying"),
    "later_hint": (
        "像在银行 App 里付完就关掉一样，钱过一会儿才到",
        "As if paid in a bank's app: the money arrives a little later",
    ),
    "after": ("多久以后到账", "Arrives after"),
    "seconds_10": ("10 秒", "10 seconds"),
    "seconds_60": ("1 分钟", "1 minute"),
    "seconds_300": ("5 分钟", "5 minutes"),
    "declined": (
        "没有付成。银行拒绝了这笔模拟付款，钱没有动。可以再试一次。",
        "Not paid. The bank refused this simulated payment and no money moved. You may try again.",
    ),
    "paid": ("已经付好了", "Paid"),
    "paid_hint": (
        "这笔模拟付款已成功，不用再付。",
        "This simulated payment has succeeded. Nothing more to pay.",
    ),
    "processing": ("银行处理中", "The bank is working on it"),
    "processing_hint": (
        "付款已提交，结果稍后通知商店。",
        "The payment is submitted; the shop will hear of the result.",
    ),
    "expired": ("这次付款已过期", "This payment has expired"),
    "expired_hint": ("请回到商店，重新发起付款。", "Please go back to the shop and start paying again."),
    "scheduled": ("钱在路上", "The money is on its way"),
    "scheduled_hint": (
        "大约 %s 秒后到账。现在可以关闭本页。",
        "It arrives in about %s seconds. You may close this page now.",
    ),
    "gone": ("没有这笔付款", "There is no such payment"),
    "gone_hint": (
        "链接可能不完整。请回到商店，重新发起付款。",
        "The link may be incomplete. Please go back to the shop and start paying again.",
    ),
    "back": ("回到商店", "Back to the shop"),
    "other_language": ("English", "中文"),
    "expires": ("请在 %s（北京时间）前付款", "Pay before %s (Beijing time)"),
    "console": ("支付沙箱控制台", "Payment sandbox console"),
    "console_lead": (
        "这里不是 Stripe 的一部分：用来演示付款中会出的各种岔子。",
        "This is no part of Stripe: it makes happen what can go wrong with payments.",
    ),
    "sessions": ("付款会话", "Checkout Sessions"),
    "charges": ("收款", "Charges"),
    "refunds": ("退款", "Refunds"),
    "events": ("通知", "Events"),
    "faults": ("安排故障", "Plan a fault"),
    "settings": ("设置", "Settings"),
    "nothing": ("还没有。", "None yet."),
    "open_page": ("付款页", "Pay page"),
    "expire": ("过期", "Expire"),
    "pay_slowly": ("银行处理中", "Delayed"),
    "settle_paid": ("到账", "Arrives"),
    "settle_failed": ("未到账", "Fails"),
    "pay_expired": ("过期后到账", "Pay after expiry"),
    "succeed_refund": ("退款成功", "Succeeds"),
    "fail_refund": ("退款失败", "Fails"),
    "disputes": ("拒付争议", "Disputes"),
    "dispute": ("买家的银行拒付", "The buyer's bank disputes it"),
    "answer_dispute": ("商店交了证据", "The shop sent evidence"),
    "win_dispute": ("商店赢", "The shop wins"),
    "lose_dispute": ("商店输", "The shop loses"),
    "status_needs_response": ("等证据", "needs response"),
    "status_under_review": ("银行在审", "under review"),
    "status_won": ("赢了", "won"),
    "status_lost": ("输了", "lost"),
    "deliver": ("再送一次", "Deliver again"),
    "deliver_twin": ("换编号再送", "Again, new id"),
    "hold": ("扣住通知", "Hold deliveries"),
    "release": ("放行", "Release"),
    "release_reverse": ("倒序放行", "Release in reverse"),
    "held": ("通知被扣住", "Deliveries are held"),
    "kind": ("故障", "Fault"),
    "drop": ("断线，没有回答", "Connection dropped, no answer"),
    "delay": ("拖延", "Delay"),
    "error": ("回答错误", "Error answer"),
    "when": ("什么时候", "When"),
    "before": ("生效之前", "Before the effect"),
    "after_effect": ("生效之后", "After the effect"),
    "path": ("接口", "Path"),
    "times": ("次数（0 = 一直）", "Times (0 = until cleared)"),
    "seconds": ("秒数", "Seconds"),
    "status": ("状态码", "Status"),
    "plan": ("安排", "Plan"),
    "clear": ("全部取消", "Clear all"),
    "refund_outcome": ("退款结局", "Refunds end as"),
    "succeed": ("成功", "Success"),
    "fail": ("失败", "Failure"),
    "stay": ("一直等待", "Stay pending"),
    "save": ("保存", "Save"),
    "of": ("已退 %s", "%s refunded"),
    "fee": ("手续费 %s", "fee %s"),
}  # fmt: skip

STATUSES: dict[str, tuple[str, str]] = {
    "status_open": ("待付款", "open"),
    "status_complete": ("已完成", "complete"),
    "status_expired": ("已过期", "expired"),
    "status_paid": ("已付", "paid"),
    "status_unpaid": ("未付", "unpaid"),
    "status_succeeded": ("成功", "succeeded"),
    "status_failed": ("失败", "failed"),
    "status_pending": ("进行中", "pending"),
    "status_delivered": ("已送达", "delivered"),
    "status_held": ("扣住", "held"),
}


def language(session_locale: str | None = None) -> str:
    """`?locale=`, else the session's locale, else Chinese."""
    for wish in (request.args.get("locale"), request.form.get("locale"), session_locale):
        if wish and wish[:2] in LANGUAGES:
            return wish[:2]
    return "zh"


def text(name: str, in_language: str, *values: object) -> str:
    found = (TEXTS | STATUSES)[name][LANGUAGES.index(in_language)]
    return found % values if values else found
