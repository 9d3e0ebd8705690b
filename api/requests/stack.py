"""The order in which a request passes what stands before the routes."""

from fastapi import FastAPI
from limits.aio.storage import Storage
from limits.storage import storage_from_string

from api.requests.bodies import Bodies
from api.requests.identification import Identification
from api.requests.shedding import Shedding
from api.requests.throttling import Throttling
from api.requests.time_limit import TimeLimit
from api.settings import GatewaySettings


def add_middleware(app: FastAPI, settings: GatewaySettings) -> None:
    """Put it before the routes of an application; what is added last is passed first."""
    storage = storage_from_string(settings.rate_storage.get_secret_value())
    if not isinstance(storage, Storage):
        raise TypeError("WGI_API_RATE_STORAGE names no asynchronous storage: async+redis://...")
    app.add_middleware(Bodies, longest=settings.body_bytes, deepest=settings.json_depth)
    app.add_middleware(TimeLimit, seconds=settings.request_s)
    app.add_middleware(Throttling, rate=settings.rate, storage=storage)
    app.add_middleware(Shedding, at_work=settings.requests_in_flight)
    app.add_middleware(Identification)
