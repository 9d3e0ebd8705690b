"""The order in which a request passes what stands before the routes."""

from urllib.parse import parse_qsl, urlsplit

from fastapi import FastAPI
from limits.aio.storage import Storage
from limits.errors import ConfigurationError
from limits.storage import storage_from_string

from api.requests.bodies import Bodies
from api.requests.conditions import Conditions
from api.requests.failures import Failures
from api.requests.identification import Identification
from api.requests.shedding import Shedding
from api.requests.throttling import Throttling
from api.requests.time_limit import TimeLimit
from api.settings import GatewaySettings


class RateStorageUnusable(ValueError):
    """The setting `WGI_API_RATE_STORAGE` names no storage that can be used here."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"WGI_API_RATE_STORAGE: {reason} (async+memory://, or async+redis://host:6379/0)"
        )


def add_middleware(app: FastAPI, settings: GatewaySettings) -> None:
    """Put it before the routes of an application; what is added last is passed first.

    Raises `RateStorageUnusable`.
    """
    storage = _storage(settings.rate_storage.get_secret_value())
    app.state.failures = Failures(storage, rate=settings.failure_rate)
    app.add_middleware(Conditions)
    app.add_middleware(Bodies, longest=settings.body_bytes, deepest=settings.json_depth)
    app.add_middleware(TimeLimit, seconds=settings.request_s)
    app.add_middleware(Throttling, rate=settings.rate, storage=storage)
    app.add_middleware(Shedding, at_work=settings.requests_in_flight)
    app.add_middleware(Identification)


def _storage(uri: str) -> Storage:
    options = dict(parse_qsl(urlsplit(uri).query))
    if "redis" in urlsplit(uri).scheme:
        options.setdefault("implementation", "redispy")
    try:
        storage = storage_from_string(uri.partition("?")[0], **options)
    except ConfigurationError as error:
        raise RateStorageUnusable(str(error)) from error
    if not isinstance(storage, Storage):
        raise RateStorageUnusable("the storage is not asynchronous")
    return storage
