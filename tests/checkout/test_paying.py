"""Each device is offered what works on it."""

from __future__ import annotations

import pytest
from flask import Flask

from marketplace.checkout.paying import Device, device_of, ways
from marketplace.orders.models import PaymentMethod

ANDROID = "Mozilla/5.0 (Linux; Android 12; HUAWEI) AppleWebKit/537.36 Chrome/114 Mobile Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) Version/16.0 Mobile/15E148 Safari/604.1"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120 Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (ANDROID, Device.PHONE),
        (IPHONE, Device.PHONE),
        (WINDOWS, Device.DESKTOP),
        ("", Device.DESKTOP),
        (IPHONE + " MicroMessenger/8.0.30", Device.WECHAT),
        (ANDROID + " MicroMessenger/8.0.30", Device.WECHAT),
    ],
)
def test_device_is_read_from_the_browsers_own_words(user_agent: str, device: Device) -> None:
    assert device_of(user_agent) == device


@pytest.mark.parametrize(
    ("device", "codes"),
    [
        (Device.PHONE, ["alipay", "wechat_pay", "card"]),
        (Device.DESKTOP, ["alipay", "wechat_pay", "card"]),
        (Device.WECHAT, ["elsewhere", "card"]),
    ],
)
def test_only_what_works_is_offered_and_the_usual_one_stands_first(
    app: Flask, device: Device, codes: list[str]
) -> None:
    with app.test_request_context():
        assert [way.code for way in ways(device, has_cash=False)] == codes
        offered = ways(device, has_cash=True)
        assert [way.code for way in offered] == [*codes, "on_delivery"]
        assert offered[-1].method == PaymentMethod.ON_DELIVERY
        assert {way.method for way in offered[:-1]} == {PaymentMethod.ONLINE}


def test_wechat_pay_on_a_phone_says_that_another_device_scans(app: Flask) -> None:
    with app.test_request_context():
        on_phone = {way.code: way.note for way in ways(Device.PHONE, has_cash=False)}
        assert on_phone["alipay"] == "在这台手机上付"
        assert on_phone["wechat_pay"] == "用另一台设备扫码"
