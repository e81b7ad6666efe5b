"""Where `dvc push` sends what the cache holds."""

from __future__ import annotations

from pathlib import Path


def default_remote(root: Path) -> str | None:
    """Address of the default remote of `root`, without credentials; None where there is none."""
    from dvc.config import Config, ConfigError

    try:
        config = Config(str(root / ".dvc"))
        name = config["core"].get("remote")
        address = config["remote"][name]["url"] if name else None
    except (ConfigError, KeyError):
        return None
    if address is None:
        return None
    scheme, separator, rest = address.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
