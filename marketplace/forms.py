"""The base of every form, and the fields that read what people type into values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from flask import g, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.datastructures import CombinedMultiDict, ImmutableMultiDict, MultiDict
from wtforms import Field, FieldList, FileField, HiddenField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length
from wtforms.widgets import TextInput

from marketplace import once
from marketplace.database import run_in_transaction
from marketplace.errors import DomainError, NotFoundError
from marketplace.i18n import lang_of
from marketplace.money import MAX_FEN, bare_amount, format_fen, parse_yuan, plain_digits

MOBILE = re.compile(r"1[3-9][0-9]{9}", re.ASCII)
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def normal_phone(text: str) -> str | None:
    """The eleven digits of a mainland mobile as it may be typed or pasted; None when it is none."""
    digits = re.sub(r"[\s\-()（）—–]", "", plain_digits(text))
    digits = re.sub(r"^(\+|00)?86(?=1[0-9]{10}$)", "", digits)
    return digits if MOBILE.fullmatch(digits) else None


def plain_text(text: str | None) -> str | None:
    """Typed text without control characters and outer blanks."""
    return CONTROL_CHARACTERS.sub("", text).replace("\r\n", "\n").strip() if isinstance(text, str) else text


def options(pairs: Iterable[tuple[str, Any]]) -> list[SelectChoice]:
    """Code and word of each choice, as a select or radio field takes them."""
    return [SelectChoice(code, word, render_kw=_marked(word)) for code, word in pairs]


def _marked(word: Any) -> dict[str, str]:
    lang = lang_of(word)
    return {"lang": lang} if lang else {}


class BaseForm(FlaskForm):
    """Every text is cleaned; refusals of a service are shown at their field, what was typed is kept."""

    class Meta(FlaskForm.Meta):
        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            """The form that was sent: no JSON, and no file under the name of a text field."""
            if formdata is None or isinstance(formdata, MultiDict) or not form.is_submitted():
                return formdata if isinstance(formdata, MultiDict) else None
            wanted = {field.name for field in form if isinstance(field, FileField)}
            files = [(name, file) for name, file in request.files.items(multi=True) if name in wanted]
            if files:
                return CombinedMultiDict((ImmutableMultiDict(files), request.form))
            return request.form or None

        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            cleans = issubclass(unbound_field.field_class, StringField) and "password" not in options["name"]
            if cleans:
                filters = [*(unbound_field.kwargs.get("filters") or ()), plain_text]
                options = {**options, "filters": filters}
            return super().bind_field(form, unbound_field, options)

    def refuse(self, error: DomainError) -> None:
        """Put a refusal at the field it names, else above the form."""
        field = self._fields.get(error.field or "")
        if field is None:
            self.form_errors.append(str(error.message))
        else:
            field.errors = [*field.errors, str(error.message)]

    def carry_out(self, act: Callable[[], object]) -> bool:
        """Do the act that was asked for in one transaction; a refusal is put at its field, and the answer is False.

        What is not found stays NotFoundError.
        """
        try:
            run_in_transaction(act)
        except NotFoundError:
            raise
        except DomainError as error:
            self.refuse(error)
            return False
        return True


class OnceForm(BaseForm):
    """A form whose act adds to what is there: pressed again, or sent again by Back, it is done once (once.claim)."""

    form_key = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.form_key.raw_data is None:
            self.form_key.data = once.new_key()

    def validate_form_key(self, field: Field) -> None:
        if not once.is_key(field.data):
            raise ValidationError(_("这一页放得太久了，请再点一次。"))

    def carry_out(self, act: Callable[[], object]) -> bool:
        """The act, unless this very form did it before: then True for the same values, a refusal for others."""
        values = {name: value for name, value in self.data.items() if name not in {"csrf_token", "form_key"}}
        scope, key = f"{g.actor.user_id} {request.path}", self.form_key.data or ""

        def act_once() -> None:
            if once.claim(scope, key, values):
                act()

        return super().carry_out(act_once)


class RowsField(FieldList):
    """Rows of a form by number; a number is at most three plain digits, whatever name was sent."""

    def _extract_indices(self, prefix: str, formdata: Iterable[str]) -> Iterator[int]:
        row = re.compile(re.escape(prefix) + r"-([0-9]{1,3})(-|$)", re.ASCII)
        yield from (int(found[1]) for name in formdata if (found := row.match(name)))


class _TypedField(Field):
    """A text input whose data is a value; what was typed is shown again when it cannot be read."""

    widget = TextInput()
    wrong: Any = _l("看不懂这里填的内容")
    data: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.typed: str | None = None

    def read(self, text: str) -> Any:
        raise NotImplementedError

    def show(self, value: Any) -> str:
        return str(value)

    def why(self, _text: str) -> Any:
        """What is wrong with a text that cannot be read."""
        return self.wrong

    def _value(self) -> str:
        if self.typed is not None:
            return self.typed
        return "" if self.data is None else self.show(self.data)

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        if not valuelist:
            return
        self.typed = valuelist[0][:200]
        self.data = None
        if not self.typed.strip():
            return
        try:
            self.data = self.read(self.typed)
        except ValueError as error:
            raise ValueError(str(self.why(self.typed))) from error


class MoneyField(_TypedField):
    """Yuan as typed, fen as data."""

    wrong = _l("金额请写成数字，比如 49.90")

    def read(self, text: str) -> int:
        fen = parse_yuan(text)
        if fen > MAX_FEN:
            raise ValueError(text)
        return fen

    def why(self, text: str) -> Any:
        plain = bare_amount(text)
        if re.fullmatch(r"[-−－–][0-9.]+", plain, re.ASCII):
            return _l("金额不能是负数")
        if re.fullmatch(r"[0-9]{1,13}\.[0-9]{3,}", plain, re.ASCII):
            return _l("金额最多写到分，两位小数，比如 49.90")
        return self.wrong

    def show(self, value: int) -> str:
        return format_fen(value, grouping=False)


class CountField(_TypedField):
    """A whole number that is not negative."""

    wrong = _l("请写整数，比如 50")

    def read(self, text: str) -> int:
        digits = plain_digits(text)
        if not re.fullmatch(r"[0-9]{1,9}", digits, re.ASCII):
            raise ValueError(text)
        return int(digits)


class KilosField(_TypedField):
    """Kilograms as typed with up to three decimals, grams as data."""

    wrong = _l("重量请写成公斤数，比如 5 或 2.5")

    def read(self, text: str) -> int:
        found = re.fullmatch(r"([0-9]{1,7})(?:\.([0-9]{1,3}))?", plain_digits(text), re.ASCII)
        if not found:
            raise ValueError(text)
        return int(found[1]) * 1000 + int((found[2] or "").ljust(3, "0"))

    def show(self, value: int) -> str:
        whole, rest = divmod(value, 1000)
        return f"{whole}.{rest:03d}".rstrip("0").rstrip(".") if rest else str(whole)


class PhoneField(_TypedField):
    """A mainland mobile in any usual spelling, eleven digits as data."""

    wrong = _l("手机号是 11 位数字，请再看一遍")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("render_kw", {"inputmode": "tel", "autocomplete": "tel"})
        super().__init__(*args, **kwargs)

    def read(self, text: str) -> str:
        phone = normal_phone(text)
        if phone is None:
            raise ValueError(text)
        return phone


class CodeField(_TypedField):
    """Six digits as they were sent or shown, blanks allowed; six digits as data."""

    wrong = _l("验证码是 6 位数字")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault(
            "render_kw", {"inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": 12}
        )
        super().__init__(*args, **kwargs)

    def read(self, text: str) -> str:
        digits = re.sub(r"[\s\-]", "", plain_digits(text))
        if not re.fullmatch(r"[0-9]{6}", digits, re.ASCII):
            raise ValueError(text)
        return digits


class Needed:
    """The field must be filled; the sentence says with what."""

    field_flags = {"required": True}

    def __init__(self, message: Any = None) -> None:
        self.message = message

    def __call__(self, form: Any, field: Field) -> None:
        if field.errors:  # unreadable text has its own sentence already
            return
        if field.data is None or field.data == "" or field.data == []:
            raise ValidationError(str(self.message or _("这里要填")))


def text_field(label: Any, most: int, *validators: Any, **options: Any) -> StringField:
    """A bounded text input."""
    message = _l("最多 %(count)s 个字", count=most)
    return StringField(label, [*validators, Length(max=most, message=message)], **options)
