"""HTTP routes: ASP.NET route templates as regular expressions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tools.local.localhost.app import AppError, Function

_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)((?::[^:{}?]+)*)(\??)\}")
_CONSTRAINTS = {
    "alpha": r"[A-Za-z]+",
    "bool": r"(?:true|false)",
    "decimal": r"-?\d+(?:\.\d+)?",
    "double": r"-?\d+(?:\.\d+)?",
    "float": r"-?\d+(?:\.\d+)?",
    "guid": r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
    "int": r"-?\d{1,10}",
    "long": r"-?\d{1,19}",
}
_LENGTHS = {"length": r"[^/]{%s}", "minlength": r"[^/]{%s,}", "maxlength": r"[^/]{1,%s}"}


@dataclass(frozen=True)
class Route:
    """One function's address."""

    function: Function
    template: str
    pattern: re.Pattern[str]

    @property
    def rank(self) -> tuple[tuple[int, str], ...]:
        """Sorts literal segments before parameters and those before a catch-all."""
        return tuple((_weight(part), part) for part in self.template.split("/"))


class Routes:
    """All routes of an app, the most specific first."""

    def __init__(self, functions: Iterable[Function], prefix: str) -> None:
        self.errors: dict[str, str] = {}
        self._routes: list[Route] = []
        for function in functions:
            self._add(function, prefix)
        self._routes.sort(key=lambda route: route.rank)

    def _add(self, function: Function, prefix: str) -> None:
        own = function.trigger.options.get("route") or function.name
        template = "/".join(part for part in (prefix.strip("/"), own.strip("/")) if part)
        try:
            self._routes.append(Route(function, template, _compile(template)))
        except AppError as error:
            self.errors[function.name] = f"route: {error}"

    def find(self, method: str, path: str) -> tuple[Function, dict[str, str]] | None:
        """The function for this request and its route values; None when there is none or the method is wrong."""
        for route in self._routes:
            match = route.pattern.fullmatch(path.strip("/"))
            if match and method in (route.function.methods or [method]):
                return route.function, {name: value for name, value in match.groupdict().items() if value}
        return None

    def template(self, name: str) -> str:
        """The path template of a function, without a leading slash; raises KeyError."""
        for route in self._routes:
            if route.function.name == name:
                return route.template
        raise KeyError(name)


def _weight(segment: str) -> int:
    if "{*" in segment:
        return 3
    return 1 + (":" not in segment) if "{" in segment else 0


def _compile(template: str) -> re.Pattern[str]:
    pattern = ""
    for number, segment in enumerate(template.split("/")):
        slash = "/" if number else ""
        optional = re.fullmatch(_PARAMETER, segment)
        if optional and (optional[4] or optional[1]):
            pattern += f"(?:{slash}{_segment(segment)})?"
        else:
            pattern += slash + _segment(segment)
    return re.compile(pattern, re.IGNORECASE)


def _segment(segment: str) -> str:
    pattern, end = "", 0
    for match in _PARAMETER.finditer(segment):
        stars, name, constraints, _ = match.groups()
        checks = "".join(f"(?={_constraint(c)}(?:/|$))" for c in constraints.split(":") if c)
        pattern += re.escape(segment[end : match.start()])
        pattern += f"{checks}(?P<{name}>{'.+' if stars else '[^/]+'})"
        end = match.end()
    rest = segment[end:]
    if "{" in rest or "}" in rest:
        raise AppError(f"{segment!r} uses a part of the template language that this host does not know")
    return pattern + re.escape(rest)


def _constraint(text: str) -> str:
    name, _, argument = text.partition("(")
    argument = argument.removesuffix(")")
    if name in _CONSTRAINTS and not argument:
        return _CONSTRAINTS[name]
    if name in _LENGTHS and re.fullmatch(r"\d+(,\d+)?", argument):
        return _LENGTHS[name] % argument
    raise AppError(f"the constraint {text!r} is not known to this host")
