"""Downloads that resume, are verified, and never replace a file that a user put there.

A partial download is ``<name>.part``. When it is complete it is verified, write-protected and
renamed. The workflow waits for its checksum record (``<name>.sha256``, in the format of
``sha256sum``): if the archive itself were the output of a rule, Snakemake would delete it before
running the rule, together with any partial download or file put there by hand.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from rvd.datasets.download.checksums import IntegrityError, recorded, verify
from rvd.datasets.download.config import DownloadConfig
from rvd.datasets.download.login import LoginError, authenticated_opener
from rvd.datasets.download.transfer import (
    MirrorError,
    RetryPolicy,
    UnavailableError,
    download_part,
    remove_state,
)
from rvd.errors import UserError
from rvd.files import atomic_write, reason, remove_abandoned
from rvd.runtime.locks import exclusive


def fetch(
    name: str, download: DownloadConfig, record: Path, policy: RetryPolicy | None = None
) -> None:
    """Download a file to the folder of ``record``, verify it, and write ``record``.

    An existing file is verified and used; a partial download is resumed. Where the config has no
    SHA-256, the file is compared with an existing record. While another process downloads the file,
    this one waits, and then continues from what that left.

    Args:
        name: File name, a key of ``download.files``.
        download: Mirrors and files of the dataset.
        record: Path of the record, ``<folder>/<name>.sha256``; written last.
        policy: Retries after failed connections.

    Raises:
        UnavailableError: No mirror has the file, the disk has too little space, or the login is
            missing.
        UserError: An existing file differs from its checksum, or the disk cannot be written.
    """
    remote, archive = download.files[name], record.parent / name
    archive.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(archive.parent, f".{name}.lock", "download"):
        remove_abandoned(record.parent, record.name)  # here, as the record may be complete
        first = recorded(record)
        if archive.exists():
            try:
                sha256 = verify(archive, remote, name, first)
            except IntegrityError as error:
                raise UserError(f"{archive}: {error}; remove it to download it again") from None
            _remove_part(archive)
        else:
            sha256 = _download(name, download, archive, policy or RetryPolicy(), first)
        _write_protect(archive)
        if sha256 == first:
            return
        if remote.sha256 is None:
            print(
                f"{name}: its SHA-256, {sha256}, is recorded at first download; later runs compare "
                "the file with it",
                file=sys.stderr,
            )
        with atomic_write(record) as partial:
            partial.write_text(f"{sha256}  {name}\n")


def _remove_part(archive: Path) -> None:
    """Remove a partial download that is not needed, as the file was put there by other means."""
    part = archive.with_name(f"{archive.name}.part")
    with suppress(OSError):
        part.unlink(missing_ok=True)
        remove_state(part)


def _write_protect(archive: Path) -> None:
    """Remove the permissions to write where the file system and the file's owner allow it."""
    mode = archive.stat().st_mode
    if mode & 0o222:  # an unnecessary change would look like a change of the file
        with suppress(OSError):
            archive.chmod(mode & ~0o222)


def _download(
    name: str, download: DownloadConfig, archive: Path, policy: RetryPolicy, first: str | None
) -> str:
    """Download a file, verify it, move it to ``archive``, and return its SHA-256."""
    remote = download.files[name]
    part = archive.with_name(f"{name}.part")
    failures = []
    for mirror in download.mirrors:
        url = f"{mirror.rstrip('/')}/{remote.path or name}"
        try:
            opener = authenticated_opener(mirror, download, policy.timeout)
            download_part(opener, url, part, remote, policy)
            sha256 = verify(part, remote, name, first)
        except LoginError as error:
            raise UnavailableError(
                f"{name}: {error}. Or download it with a browser and put it at {archive.absolute()}"
            ) from None
        except (MirrorError, IntegrityError) as error:
            if isinstance(error, IntegrityError):  # resuming would not repair it
                part.unlink(missing_ok=True)
            failures.append(f"{url}: {error}")
            print(f"{url}: {error}", file=sys.stderr)
            continue
        except OSError as error:
            raise UserError(
                f"{part}: cannot be written ({reason(error)}); the partial download is kept and "
                "resumed next time"
            ) from None
        part.replace(archive)
        remove_state(part)
        return sha256
    raise UnavailableError(
        f"{name}: no mirror has it ({'; '.join(failures)}). Try again later: the download resumes "
        f"where it stopped. Or put the file at {archive.absolute()}"
    )
