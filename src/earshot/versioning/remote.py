"""Where `dvc push` sends what the cache holds, and what is there."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from earshot.errors import UserError
from earshot.versioning.locks import open_repository


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


def in_remote(root: Path, md5s: Collection[str]) -> set[str]:
    """Which of the objects `md5s` the default remote of `root` has, by their names, as `dvc push` asks.

    Raises
    ------
    UserError
        There is no default remote, or it cannot be asked; with what to do.
    """
    from dvc.config import NoRemoteError

    try:
        with open_repository(root) as repo:
            return set(repo.cloud.get_remote_odb().oids_exist(md5s)) if md5s else set()
    except UserError:
        raise
    except NoRemoteError:
        wanted = "`dvc remote add --default NAME ADDRESS`, then `dvc push`"
        raise UserError(f"{root / '.dvc' / 'config'}: names no default remote; {wanted}") from None
    except Exception as error:
        raise UserError(f"the remote {default_remote(root)}: cannot be asked: {why(error)}") from None


def why(error: Exception) -> str:
    """What is wrong with a remote, in words.

    Of errors of any kind: each library of a kind of store has its own, for want of a network, a permission,
    a bucket.
    """
    said = " ".join(str(error).split())
    if isinstance(error, ImportError):  # DVC's, which says what it wants
        return f"{said}; type: pip install 'earshot[s3]'" if "dvc-s3" in said else said
    return f"{type(error).__name__}: {said}"
