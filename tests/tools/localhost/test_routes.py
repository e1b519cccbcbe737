from pathlib import Path

import pytest

from tools.local.localhost.app import Binding, Function
from tools.local.localhost.routes import Routes


def function(name: str, route: str | None = None, methods: list[str] | None = None) -> Function:
    options = {"route": route, "methods": methods or []}
    trigger = Binding("req", "httpTrigger", out=False, options=options)
    return Function(name, Path(name), Path(name, "__init__.py"), "", (trigger,), None)


@pytest.mark.parametrize(
    ("route", "path", "expected"),
    [
        (None, "/api/Fn", {}),
        (None, "/API/fn/", {}),
        (None, "/Fn", None),
        ("hooks/{source:alpha}/{id?}", "/api/hooks/crm", {"source": "crm"}),
        ("hooks/{source:alpha}/{id?}", "/api/Hooks/crm/42", {"source": "crm", "id": "42"}),
        ("hooks/{source:alpha}/{id?}", "/api/hooks/crm4", None),
        ("hooks/{source:alpha}/{id?}", "/api/hooks", None),
        ("hooks/{source:alpha}/{id?}", "/api/hooks/crm/42/x", None),
        ("a/{n:int:maxlength(3)}", "/api/a/123", {"n": "123"}),
        ("a/{n:int:maxlength(3)}", "/api/a/1234", None),
        ("a/{id:guid}", "/api/a/0F8FAD5B-D9CB-469F-A165-70867728950E", {"id": "0F8FAD5B-D9CB-469F-A165-70867728950E"}),
        ("files/{*path}", "/api/files/a/b.txt", {"path": "a/b.txt"}),
        ("files/{*path}", "/api/files", {}),
        ("x-{id}.json", "/api/x-7.json", {"id": "7"}),
    ],
)
def test_templates(route: str | None, path: str, expected: dict[str, str] | None) -> None:
    found = Routes([function("Fn", route)], "api").find("GET", path)
    assert (found and found[1]) == expected


def test_literal_segments_come_before_parameters() -> None:
    routes = Routes([function("Any", "{name}"), function("One", "one"), function("All", "{*rest}")], "")
    found = [routes.find("GET", path) for path in ("/one", "/two", "/two/three")]
    assert [match and match[0].name for match in found] == ["One", "Any", "All"]


def test_methods_select_among_functions_with_one_route() -> None:
    routes = Routes([function("Read", "x", ["get"]), function("Write", "x", ["POST"])], "api")
    found = [routes.find(method, "/api/x") for method in ("GET", "POST", "PUT")]
    assert [match and match[0].name for match in found] == ["Read", "Write", None]


@pytest.mark.parametrize("route", ["{n:regex(^a$)}", "{n:range(1,2)}", "{n=5}", "{n"])
def test_what_is_not_known_is_an_error_by_name(route: str) -> None:
    assert "Fn" in Routes([function("Fn", route)], "api").errors
