"""What one would write first, and what the services are compared with: FastAPI over a pool of asyncpg."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI
from pydantic import BaseModel


class LinkBody(BaseModel):
    """What is posted to such an application."""

    consultant_id: str


def bare_application(url: str, connections: tuple[int, int], create: str = "") -> FastAPI:
    """Without routes. `connections`: of `app.state.pool`, least and most. `create`: a statement to begin with."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(url, min_size=connections[0], max_size=connections[1]) as pool:
            if create:
                await pool.execute(create)
            app.state.pool = pool
            yield

    return FastAPI(lifespan=lifespan)
