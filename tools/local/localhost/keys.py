"""Function keys: who may call what."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self


@dataclass
class Keys:
    """The master key, the host keys (any function) and each function's own keys, by key name."""

    master: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    host: dict[str, str] = field(default_factory=lambda: {"default": secrets.token_urlsafe(32)})
    functions: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def load(cls, file: Path, names: Iterable[str]) -> Self:
        """The keys kept in `file`; missing ones are made and written back, readable by the owner only."""
        keys = cls(**json.loads(file.read_text())) if file.exists() else cls()
        keys.complete(names)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(keys), indent=2))
        return keys

    def complete(self, names: Iterable[str]) -> None:
        """Make a `default` key for each of these functions that has none."""
        for name in names:
            self.functions.setdefault(name, {}).setdefault("default", secrets.token_urlsafe(32))

    def allows(self, level: str, function: str, given: str) -> bool:
        """Whether the key `given` opens a function with that authLevel (anonymous, function, admin)."""
        if level == "anonymous":
            return True
        accepted = [self.master]
        if level == "function":
            accepted += [*self.host.values(), *self.functions.get(function, {}).values()]
        return any(secrets.compare_digest(key.encode(), given.encode()) for key in accepted)

    def to_json(self) -> dict[str, object]:
        """`_master`, `default` and `functions` (each function's default key)."""
        own = {name: keys["default"] for name, keys in self.functions.items()}
        return {"_master": self.master, "default": self.host["default"], "functions": own}
