"""Config: a frozen dataclass of settings that reads texts and dicts, and refuses what it does not know."""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

DOCUMENTED = re.compile(r"^\s+(\w+(?:, \w+)*)\s{2,}(\S.*)$")


class ConfigError(ValueError):
    """A setting that does not exist, or that has a value it cannot have."""


@dataclass(frozen=True)
class Config:
    """Base of every network's configuration and of every recipe's settings.

    A subclass is a frozen dataclass. Its docstring describes each field in a line, the name first. A field may itself
    be a Config; its settings are then reached by their own names, which must differ from the outer ones.
    """

    title: ClassVar[str] = ""  # what errors call it; else the class's name

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, ignore_unknown: bool = False) -> Self:
        """The configuration with these values, plain ones as JSON has them; the others are the defaults.

        Raises ConfigError for a name that there is not (unless they are to be ignored: other programs' files have
        names of their own) and for a value of the wrong type.
        """
        hints, made = typing.get_type_hints(cls), {}
        names = [field.name for field in dataclasses.fields(cls)]
        for name, value in values.items():
            if name in names:
                made[name] = _checked(cls, name, hints[name], value)
            elif not ignore_unknown:
                raise ConfigError(_no_such(cls, name, names))
        return cls(**made)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    def replace(self, **changes: Any) -> Self:
        """A copy with some settings changed, also those of a Config within. Texts are read: replace(lr="1e-3")."""
        hints, own, inner = typing.get_type_hints(type(self)), {}, {}
        for name, value in changes.items():
            owner = self._owner(name)
            if owner is None:
                raise ConfigError(_no_such(type(self), name, [row[0] for row in self.settings()]))
            if owner:
                inner.setdefault(owner, {})[name] = value
            else:
                own[name] = _checked(type(self), name, hints[name], value)
        own |= {owner: getattr(self, owner).replace(**values) for owner, values in inner.items()}
        return dataclasses.replace(self, **own)

    def settings(self) -> list[tuple[str, Any, str]]:
        """(name, value, description) of every setting, those of a Config within included."""
        described, rows = _descriptions(type(self)), []
        for field in dataclasses.fields(self):
            value, words = getattr(self, field.name), described.get(field.name, "")
            rows += value.settings() if isinstance(value, Config) else [(field.name, value, words)]
        return rows

    def expect(self, name: str, right: bool, expected: str) -> None:
        """ConfigError unless `right`; for a subclass's __post_init__. NaN is never right if `right` is a comparison."""
        if not right:
            raise ConfigError(f"{_title(type(self))}: expected {name} as {expected}, got {getattr(self, name)!r}")

    def _owner(self, name: str) -> str | None:
        """ "" for a field of this Config, the name of the field with the Config that has it, or None."""
        names = [field.name for field in dataclasses.fields(self)]
        if name in names:
            return ""
        for outer in names:
            value = getattr(self, outer)
            if isinstance(value, Config) and value._owner(name) is not None:
                return outer
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, Config):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value


def _title(cls: type[Config]) -> str:
    return cls.title or cls.__name__


def _no_such(cls: type[Config], name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
    return f"{_title(cls)}: there is no setting {name!r}; {hint}"


def _checked(cls: type[Config], name: str, hint: Any, value: Any) -> Any:
    """`value`, or what the text `value` says, as the type that the field has."""
    try:
        return _read(hint, value)
    except (ValueError, TypeError):
        raise ConfigError(f"{_title(cls)}: expected {name} as {_in_words(hint)}, got {value!r}") from None


def _read(hint: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _read_union(arguments, value)
    if origin is typing.Literal:
        if value not in arguments:
            raise ValueError
        return value
    if origin is tuple:
        parts = [part for part in value.replace(" ", "").split(",") if part] if isinstance(value, str) else list(value)
        return tuple(_read(arguments[0], part) for part in ([] if parts == ["none"] else parts))
    if isinstance(hint, type) and issubclass(hint, Config):
        return value if isinstance(value, hint) else hint.from_dict(value)
    if hint is bool:
        named = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        return value if isinstance(value, bool) else named[value.lower()] if value.lower() in named else _wrong()
    if isinstance(value, bool):
        raise TypeError
    if hint is int and isinstance(value, float) and value != int(value):
        raise ValueError
    if hint is str and not isinstance(value, str):
        raise TypeError
    return hint(value)


def _read_union(choices: tuple[Any, ...], value: Any) -> Any:
    if type(None) in choices and (value is None or value == "none"):
        return None
    for choice in choices:
        if choice is not type(None):
            try:
                return _read(choice, value)
            except (ValueError, TypeError):
                continue
    raise ValueError


def _wrong() -> Any:
    raise ValueError


def _in_words(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join("none" if one is type(None) else _in_words(one) for one in arguments)
    if origin is typing.Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin is tuple:
        return f"a list such as {'64,32' if arguments[0] is int else 'a,b'}"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    return words.get(hint, str(getattr(hint, "__name__", hint)))


def _descriptions(cls: type[Config]) -> dict[str, str]:
    """{field: its line in the docstring}, also of the classes that this one is made from."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        last: list[str] = []
        for line in (base.__doc__ or "").splitlines():
            match = DOCUMENTED.match(line)
            if match:
                last = match[1].split(", ")
                found |= dict.fromkeys(last, match[2])
            elif last and line.strip():
                found |= {name: f"{found[name]} {line.strip()}" for name in last}
            else:
                last = []
    return found
