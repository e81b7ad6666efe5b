"""A git commit and a tag for what is served now."""

from __future__ import annotations

from pathlib import Path

from earshot.errors import UserError
from earshot.releases.history import archive_path, decision_path
from earshot.releases.manifest import Manifest, pointer_path, read_pointer
from earshot.versioning.git import author, git


def commit_release(root: Path) -> str | None:
    """Commit the release that is served, tag it `release/<name>`; its tag, or None if nothing was to do.

    Only the release's own files go into the commit: pointer, manifests,
    decision, dvc.lock. What else is changed or staged stays as it is. Called
    when DVC has written dvc.lock, by whoever ran the stage.

    Raises
    ------
    UserError
        Git refused, in its own words; the release itself stands.
    """
    current = read_pointer(root)
    if not isinstance(current, Manifest):
        return None
    tag = f"release/{current.release}"
    tagged = _git(root, "tag", "--list", tag)
    if tagged and not _git(root, "status", "--porcelain", "--", str(pointer_path(root))):
        return None
    files = _own_files(root, current)
    _git(root, "add", "--", *files)
    if _git(root, "status", "--porcelain", "--", *files):
        _git(root, "commit", "--quiet", "--no-verify", "--message", _message(current), "--only", "--", *files)
    if not tagged:
        _git(root, "tag", "--annotate", "--message", _message(current), tag)
    return tag


def _own_files(root: Path, release: Manifest) -> list[str]:
    files = [
        pointer_path(root),
        archive_path(root, release.release),
        decision_path(root, release.release),
        root / "dvc.lock",
    ]
    if release.previous is not None:
        files.append(archive_path(root, release.previous))
    return [path.relative_to(root).as_posix() for path in files if path.is_file()]


def _message(release: Manifest) -> str:
    return f"Release {release.number}: {release.release}"


def _git(root: Path, *arguments: str) -> bytes:
    unsigned = ("-c", "commit.gpgSign=false", "-c", "tag.gpgSign=false")
    try:
        return git(root, *unsigned, *arguments, environment=_identity(root))
    except UserError as error:
        raise UserError(f"release.git_commit: {error}") from None


def _identity(root: Path) -> dict[str, str]:
    """Git's own where it has one; a daemon's account often has none."""
    if author(root) is not None:
        return {}
    return {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", "earshot"), ("EMAIL", "earshot@localhost"))
    }
