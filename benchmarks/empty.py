"""An endpoint that does nothing but read and write JSON as the API does: part of the floor in `benchmarks.serving`."""

from fastapi import FastAPI, Response

from serving.schemas import RecommendRequest
from serving.service import json_response

app = FastAPI()


@app.post("/empty")
async def empty(body: RecommendRequest) -> Response:
    """Answers at once."""
    return json_response({"items": [{"item_id": f"i{rank}", "rank": rank} for rank in range(body.n)]})
