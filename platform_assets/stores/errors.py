"""What can be wrong with a store, as failures of the platform. A message quotes no request, which may be signed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from platform_assets.failures import Kind, PlatformError

_STATUS = re.compile(r"status code: (\d{3} [A-Za-z ]+)")
_CODE = re.compile(r"<Code>([A-Za-z]+)</Code>")


class StoreError(PlatformError):
    """What was asked of a store was not done."""


class InvalidUrl(StoreError, ValueError):
    """The URL names no bucket or host, or has a part that does not belong there."""

    kind = Kind.MISCONFIGURED
    code = "url"


class StoreFault(StoreError):
    """The store did not answer, or answered that it cannot now: nothing is known of what was asked for."""

    kind = Kind.INFRASTRUCTURE
    code = "store"


class StoreRefused(StoreError):
    """The store does not know who asks, or does not let them."""

    kind = Kind.CREDENTIALS
    code = "store:refused"


class NoSuchStore(StoreError):
    """There is no such bucket or container, or the URL cannot be one."""

    kind = Kind.MISCONFIGURED
    code = "store:missing"


class UnreadableKey(StoreError):
    """An object has a key that clients of object stores cannot ask for; what is listed after it is not seen."""

    kind = Kind.MISCONFIGURED
    code = "store:key"


@contextlib.contextmanager
def faults_of(url: str, doing: str) -> Iterator[None]:
    """Errors of obstore as those of this module; that something is not there, or there already, passes through."""
    from obstore import exceptions

    try:
        yield
    except (FileNotFoundError, exceptions.NotFoundError, exceptions.AlreadyExistsError):
        raise
    except (exceptions.UnauthenticatedError, exceptions.PermissionDeniedError) as error:
        raise _refused(url, doing, error) from None
    except exceptions.InvalidPathError as error:
        found = re.search(r'[Pp]ath "(.*?)"', str(error), re.DOTALL)
        key = repr(found[1]) if found else "its name is not known"
        raise UnreadableKey(
            f"{url}: {doing} failed at an object whose key holds an empty part, a part that is only dots, or a control "
            f"character: {key}. Rename or remove it"
        ) from None
    except exceptions.BaseError as error:
        if "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error):
            raise no_such_store(url) from None
        if (status := _STATUS.search(str(error))) is not None and status[1][:3] in ("401", "403"):
            raise _refused(url, doing, error) from None
        raise StoreFault(f"{url}: {doing} failed ({_words(error)}). Nothing is known of it: try again") from None


def no_such_store(url: str) -> NoSuchStore:
    """The bucket of the URL is not there."""
    return NoSuchStore(f"{url}: there is no such bucket. Make it, or correct the URL")


def _refused(url: str, doing: str, error: Exception) -> StoreRefused:
    return StoreRefused(
        f"{url}: {doing} was refused ({_words(error)}). Give this process credentials by the usual variables or "
        "the machine's role, and the rights to list, read and write there"
    )


def _words(error: Exception) -> str:
    """What the store said, without the request."""
    text = str(error)
    found = [match[1].strip() for pattern in (_STATUS, _CODE) if (match := pattern.search(text))]
    return ", ".join(found) or re.split(r": | http", text, maxsplit=1)[0][:200] or type(error).__name__
