"""The cast: the demo's own people, by key, with what they need to sign in."""

from __future__ import annotations

from dataclasses import dataclass

from marketplace import demo


@dataclass(frozen=True)
class Person:
    """One of the cast."""

    key: str
    phone: str
    name: str
    password: str
    totp: str | None


PEOPLE = {
    person["key"]: Person(person["key"], person["phone"], person["name"], demo.password(), person.get("totp"))
    for person in demo.people(extras=False)
}
