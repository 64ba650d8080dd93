"""A FastAPI application that records in the ways that a platform's routes do. express_app.mjs has the same
routes."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel

from activity_logs import activity, record
from activity_logs.asgi import ActivityLogMiddleware

# Seconds. The faults of the queue are part of the test, and the speed of the machine is not.
activity.configure(queue_url=os.environ["QUEUE_URL"], deadline=120, redact=["secret"])
jobs: set[threading.Thread] = set()


class Asked(BaseModel):
    """The body of every request."""

    task: str
    number: int

    def metadata(self, later: int = 0, **more: Any) -> dict[str, Any]:
        """What names an action."""
        return {"task": self.task, "number": self.number + later, **more}


async def authenticate(request: Request) -> None:
    """Knows the user after a pause, and after the middleware of the log."""
    await asyncio.sleep(0.001)
    request.state.user_id = int(request.headers["x-user"])


def resize(function: int, memory: int, metadata: dict[str, Any]) -> None:
    """Below a route, with nothing passed down."""
    record(
        "update",
        resource=("function", function),
        changes={"memory": {"from": 128, "to": memory}},
        metadata=metadata,
    )


def work(user: int, task: str) -> None:
    """A job in a thread of its own."""
    with activity.detached(user_id=user, user_agent="a job"):
        record("start", metadata={"task": task, "number": 0}).result()
        record("finish", metadata={"task": task, "number": 1})


def routes(*, is_body_first: bool) -> FastAPI:
    """The routes, with the body read before the middleware or after it."""
    app = FastAPI(dependencies=[Depends(authenticate)], default_response_class=PlainTextResponse)

    async def read_body(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        await request.body()
        return await call_next(request)

    # What is added last is asked first.
    if not is_body_first:
        app.middleware("http")(read_body)
    app.add_middleware(ActivityLogMiddleware, user_id=lambda scope: scope["state"]["user_id"], trusted_hops=1)
    if is_body_first:
        app.middleware("http")(read_body)

    @app.post("/functions")
    async def create(asked: Asked) -> str:
        is_accepted = await record(
            "create",
            resource=("function", asked.number + 1),
            environment=(4, 9),
            description=f"Created “function” {asked.number + 1} 🚀",
            metadata=asked.metadata(secret="hunter2"),
        )
        return "accepted" if is_accepted else "given up"

    @app.post("/memory")
    async def update(asked: Asked) -> str:
        await asyncio.sleep(0.001)
        resize(asked.number + 1, 256, asked.metadata())
        return "handed over"

    @app.post("/syncs")
    def sync(asked: Asked) -> str:
        receipt = record("sync", resource=("database",), project=4, metadata=asked.metadata())
        return "accepted" if receipt.result() else "given up"

    @app.post("/imports")
    def import_several(asked: Asked) -> str:
        for later in range(4):
            record(
                "import", resource=("instance", str(asked.number + later + 1)), metadata=asked.metadata(later)
            )
        return "handed over"

    @app.post("/exports")
    async def export(asked: Asked) -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield "one,"
            await asyncio.sleep(0.001)
            record("export", metadata=asked.metadata())
            yield "two,"
            await asyncio.sleep(0.001)
            record("close", metadata=asked.metadata(1))
            yield "three"

        return StreamingResponse(parts(), media_type="text/plain")

    @app.post("/jobs")
    async def start_job(asked: Asked, request: Request) -> str:
        task = f"{asked.task}, job {asked.number}"
        job = threading.Thread(target=work, args=(request.state.user_id, task))
        jobs.add(job)
        job.start()
        return "handed over"

    return app


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Lets jobs end before the process does."""
    yield
    for job in jobs:
        await asyncio.to_thread(job.join)
    print("all is flushed" if await activity.aflush(60) else "something is left", flush=True)


app = FastAPI(lifespan=lifespan)
app.mount("/body-first", routes(is_body_first=True))
app.mount("/log-first", routes(is_body_first=False))
