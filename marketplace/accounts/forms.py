"""The shape of what people type about themselves."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, HiddenField, PasswordField, SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from marketplace.accounts import rules
from marketplace.accounts.models import Document
from marketplace.divisions import DivisionForm
from marketplace.errors import DomainError
from marketplace.forms import BaseForm, CodeField, Needed, PhoneField, text_field
from marketplace.permissions import Role

_PHONE, _PASSWORD, _CODE = _l("手机号"), _l("设一个密码"), _l("短信验证码")
_PASSWORD_HINT = _l("至少 8 位，可以是一句话；不要用别处用过的")


def _phone(label: Any = _PHONE, autocomplete: str = "tel") -> PhoneField:
    return PhoneField(
        label, [Needed(_l("请填手机号"))], render_kw={"inputmode": "tel", "autocomplete": autocomplete}
    )


def _new_password(label: Any = _PASSWORD) -> PasswordField:
    return PasswordField(
        label,
        [Needed(_l("请设一个密码")), Length(max=rules.PASSWORD_MOST)],
        description=_PASSWORD_HINT,
        render_kw={"autocomplete": "new-password"},
    )


def _code(label: Any = _CODE) -> CodeField:
    return CodeField(label, [Needed(_l("请填 6 位验证码"))])


def _name() -> StringField:
    return text_field(_l("怎么称呼您"), 60, Needed(_l("请填姓名")), render_kw={"autocomplete": "name"})


def _agree() -> BooleanField:
    return BooleanField(_l("我看过并同意平台规则和隐私政策"))


def _versions() -> HiddenField:
    return HiddenField(default=versions_in_force)


def normal_recovery_code(text: str | None) -> str | None:
    """As it was made: without blanks and dashes, in capitals."""
    return re.sub(r"[\s\-–—]", "", text).upper() if text else text


def versions_in_force() -> str:
    """The versions to which consent is asked, as one text."""
    return " ".join(rules.VERSIONS[document] for document in Document)


class _PasswordRules:
    """Mix-in: the field `password` has to be a good one for the field or value `phone`."""

    def validate_password(self, field: Field) -> None:
        phone = getattr(self, "phone", None)
        try:
            rules.check_password(field.data or "", phone=getattr(phone, "data", None) or "")
        except DomainError as error:
            raise ValidationError(str(error)) from error


class _Consent:
    """Mix-in: consent to the versions that were shown; a newer one is shown and asked for again."""

    versions: HiddenField

    def validate_agree(self, field: Field) -> None:
        if not field.data:
            raise ValidationError(_("要同意规则和隐私政策才能继续"))
        if self.versions.data != versions_in_force():
            self.versions.data = versions_in_force()
            field.data = False
            raise ValidationError(_("规则刚刚更新了，请再看一遍"))


class SignInForm(BaseForm):
    phone = _phone(autocomplete="username")
    password = PasswordField(
        _l("密码"), [Needed(_l("请填密码"))], render_kw={"autocomplete": "current-password", "maxlength": 200}
    )


class PhoneForm(BaseForm):
    """Where to send a code."""

    phone = _phone(autocomplete="username")


class SignUpForm(_PasswordRules, _Consent, BaseForm):
    """The second step of a sign-up; the phone is the first one's."""

    code = _code()
    name = _name()
    password = _new_password()
    agree = _agree()
    versions = _versions()


class ResetForm(_PasswordRules, BaseForm):
    phone = _phone(autocomplete="username")
    code = _code()
    password = _new_password(_l("新密码"))


class FirstSignInForm(_PasswordRules, _Consent, BaseForm):
    """An administrator's or an invited person's first way in."""

    phone = _phone(autocomplete="username")
    code = _code(_l("一次性验证码"))
    password = _new_password()
    agree = _agree()
    versions = _versions()


class ConsentForm(_Consent, BaseForm):
    agree = _agree()
    versions = _versions()


class CodeForm(BaseForm):
    """A code that was sent to a phone."""

    code = _code()


class SecondFactorForm(BaseForm):
    code = _code(_l("动态码"))


class HandCodeForm(BaseForm):
    """The code that whoever reset the second factor told by hand."""

    code = _code(_l("一次性验证码"))


class RecoveryCodeForm(BaseForm):
    """One of the ten, in any spelling: blanks, dashes and small letters are no mistake."""

    code = text_field(
        _l("恢复码"),
        40,
        Needed(_l("请填一个恢复码")),
        description=_l("12 位字母和数字，横线可以不填"),
        filters=[normal_recovery_code],
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
    )


class OwnSecondFactorForm(BaseForm):
    """What guards the account is changed by who knows the password."""

    old_password = PasswordField(
        _l("现在的密码"), [Needed(_l("请填现在的密码"))], render_kw={"autocomplete": "current-password"}
    )


class NameForm(BaseForm):
    name = _name()


class PasswordForm(_PasswordRules, BaseForm):
    old_password = PasswordField(
        _l("现在的密码"), [Needed(_l("请填现在的密码"))], render_kw={"autocomplete": "current-password"}
    )
    password = _new_password(_l("新密码"))


class CompanyForm(BaseForm):
    name = text_field(
        _l("单位名称"), 100, Needed(_l("照营业执照填单位名称")), render_kw={"autocomplete": "organization"}
    )
    credit_code = text_field(
        _l("统一社会信用代码"),
        30,
        Needed(_l("照营业执照填 18 位代码")),
        description=_l("营业执照上的 18 位代码"),
        render_kw={"autocomplete": "off", "autocapitalize": "characters"},
    )

    def validate_credit_code(self, field: Field) -> None:
        try:
            rules.check_credit_code(field.data or "")
        except DomainError as error:
            raise ValidationError(str(error)) from error


class AddressForm(DivisionForm):
    name = text_field(_l("收件人"), 60, Needed(_l("请填收件人")), render_kw={"autocomplete": "name"})
    phone = _phone(_l("收件人手机号"))
    detail = text_field(
        _l("详细地址"),
        200,
        Needed(_l("请填街道、门牌号")),
        description=_l("乡镇街道、小区、门牌号"),
        render_kw={"autocomplete": "street-address"},
    )
    is_default = BooleanField(_l("平时就寄到这里"))


class GrantForm(BaseForm):
    """Staff: a role and, for centre staff, its county; the counties come from the view."""

    role = SelectField(
        _l("角色"),
        choices=[
            SelectChoice(Role.CENTRE_STAFF.value, _l("服务中心")),
            SelectChoice(Role.BUREAU.value, _l("商务局")),
            SelectChoice(Role.FINANCE.value, _l("财务")),
            SelectChoice(Role.ADMIN.value, _l("管理员")),
        ],
    )
    area_code = SelectField(_l("县（市、区）"), description=_l("只有服务中心的人要选"))

    @property
    def chosen_role(self) -> Role:
        return Role(self.role.data)


class ReasonForm(BaseForm):
    """Staff: an act that needs its reason written down."""

    reason = text_field(_l("原因"), 200, Needed(_l("请写明原因")))
