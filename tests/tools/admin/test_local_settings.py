"""local.settings.json as editors, shells and people leave it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import SettingsError
from tools.cli import local_settings
from tools.cli.local_settings import values_of


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b'\xef\xbb\xbf{"Values": {"CRM": "salesforce"}}', {"CRM": "salesforce"}),
        (b'{"Values": {"CRM": null, "DRY_RUN": true, "WEBHOOK_HEARTBEAT_HOURS": 12}}',
         {"DRY_RUN": "true", "WEBHOOK_HEARTBEAT_HOURS": "12"}),
        (b'{"IsEncrypted": false, "Values": {}}', {}),
        (b'{"Values": {"CRM": "salesforce",}} // mine', {"CRM": "salesforce"}),
        (b"", {}),
    ],
)  # fmt: skip
def test_what_is_read(content: bytes, values: dict[str, str]) -> None:
    assert values_of("local.settings.json", content) == values


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[7]", "it is a list, and not of settings"),
        (b"CANARY", "is neither NAME=value nor JSON"),
        (b'{"Values": []}', '"Values" must be an object'),
        (b'{"Values": null}', '"Values" must be an object'),
        (b'{"Values": {"CRM": ["dynamics365"]}}', "CRM must be a text"),
        (b'{"Values": {"CRM": "CANARY"', "it is not JSON, at line 1, column"),
        (b'\xff\xfe{\x00"', "Save it as UTF-8"),
        (b'{"IsEncrypted": true, "Values": {"CRM": "CANARY"}}', "func settings decrypt"),
    ],
)
def test_what_is_refused_is_told_without_values(content: bytes, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        values_of("local.settings.json", content)
    assert told in str(caught.value)
    assert "CANARY" not in str(caught.value)


def test_a_command_ends_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text('{"Values": []}')
    monkeypatch.setattr(local_settings, "FILE", file)
    with pytest.raises(SystemExit) as caught:
        local_settings.read()
    assert str(caught.value).startswith('local.settings.json cannot be read: "Values" must be an object')
