"""Three endpoints of ours as they are usually written in Python: what the benchmark compares with.

The requests to AWS are those of our functions: health asks nothing, a generation is read with its
input in one batch and has two presigned links, and a new one is decided on one batch and written
in one transaction of five items under the account's version. Callers are known by a header, as API
Gateway tells who they are. What our functions do beyond that, such as rates, tags and the fold of
credit lots, is left out, in favour of this side.
"""

import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Literal

import aioboto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError
from fastapi import FastAPI, Header, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

TABLE = os.environ["TABLE_NAME"]
BUCKET = os.environ["IMAGES_BUCKET"]
LINK_S = 600
KEY_S = 86_400
"""How long a link works, and how long an idempotency key is remembered."""
Item = dict[str, Any]

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class Light(BaseModel):
    """A light of a rig."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["key", "fill", "rim", "hair", "background"]
    azimuth: float = Field(ge=-180, le=180)
    elevation: float = Field(ge=-90, le=90)
    distance: float = Field(gt=0, le=20)
    intensity: float = Field(ge=-6, le=6)
    size: float = Field(gt=0, le=5)
    colour: int = Field(ge=1_000, le=20_000)


class LightingRig(BaseModel):
    """What lights a picture."""

    model_config = ConfigDict(extra="forbid")

    lights: list[Light] = Field(max_length=8)


class GenerationRequest(BaseModel):
    """What a member asks for."""

    model_config = ConfigDict(extra="forbid")

    prompt: str = Field(min_length=1, max_length=2_000)
    lighting: LightingRig | None = None
    aspect_ratio: str = "1:1"
    seed: int | None = Field(default=None, ge=0, le=2**32 - 1)
    quality: str = "standard"


class Charge(BaseModel):
    """What it costs."""

    status: str
    credits: int


class Image(BaseModel):
    """A finished image."""

    url: str
    thumbnail_url: str
    expires_at: datetime
    sha256: str
    width: int
    height: int


class Generation(BaseModel):
    """A generation, as a member reads it."""

    id: str
    status: str
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    updated_at: str
    provider: str
    quality: str
    aspect_ratio: str
    seed: int
    prompt: str | None = None
    charge: Charge
    links: dict[str, str]
    image: Image | None = None
    input: dict[str, Any] | None = None


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[None]:
    """One client of each service for the whole process."""
    session = aioboto3.Session(region_name=os.environ["AWS_REGION"])
    signed = Config(signature_version="s3v4")
    async with session.client("dynamodb") as table, session.client("s3", config=signed) as s3:
        app.state.table, app.state.s3 = table, s3
        yield


app = FastAPI(lifespan=connected, openapi_url=None)
Member = Annotated[str, Header(alias="X-Member")]
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key")]


@app.get("/health")
async def get_health() -> dict[str, str]:
    """Whether the process runs."""
    return {"status": "ok", "version": "0.1.0"}


@app.get("/api/v1/generations/{generation_id}", response_model_exclude_none=True)
async def get_generation(generation_id: str, request: Request, member: Member) -> Generation:
    """A generation with its input, and its image once finished."""
    kinds = [f"JOB#{generation_id}", f"INPUT#{generation_id}"]
    keys = [{"pk": f"USER#{member}", "sk": kind} for kind in kinds]
    found = await _read(request, keys)
    job, taken_from = (found.get(kind) for kind in kinds)
    if job is None or taken_from is None:
        raise HTTPException(404, {"code": "generation_not_found"})
    view = _view(job, str(request.base_url))
    view.prompt = taken_from.get("prompt")
    view.input = {name: it for name, it in taken_from.items() if name not in ("pk", "sk")}
    if stored := job.get("image"):
        view.image = Image(
            url=await _link(request, stored["key"]),
            thumbnail_url=await _link(request, stored["thumbnail_key"]),
            expires_at=datetime.now(timezone.utc) + timedelta(seconds=LINK_S),
            sha256=stored["sha256"],
            width=stored["width"],
            height=stored["height"],
        )
    return view


@app.post("/api/v1/generations", status_code=202, response_model_exclude_none=True)
async def create_generation(
    wanted: GenerationRequest,
    request: Request,
    response: Response,
    member: Member,
    key: IdempotencyKey,
) -> Generation:
    """Holds a credit and queues a job."""
    partition = f"REFERENCE#{member}"
    kinds = ["ACCOUNT", f"IDEM#{key}"]
    found = await _read(request, [{"pk": partition, "sk": kind} for kind in kinds])
    account, before = (found.get(kind) for kind in kinds)
    if before is not None:
        raise HTTPException(409, {"code": "idempotency_key_used"})
    if account is None or account["available"] < 1:
        raise HTTPException(402, {"code": "insufficient_credits"})
    job = _new_job(member, wanted)
    await _write(request, account, job, wanted, kinds[1])
    view = _view(job, str(request.base_url))
    response.headers["Location"] = view.links["self"]
    response.headers["Retry-After"] = "2"
    return view


def _new_job(member: str, wanted: GenerationRequest) -> Item:
    now = datetime.now(timezone.utc)
    return {
        "id": f"gen_{int(time.time() * 1000):012X}{secrets.token_hex(7).upper()}",
        "user_id": member,
        "status": "queued",
        "version": 1,
        "created_at": now.isoformat(),
        "updated_at": now.isoformat(),
        "provider": "studio",
        "quality": wanted.quality,
        "aspect_ratio": wanted.aspect_ratio,
        "seed": secrets.randbits(32) if wanted.seed is None else wanted.seed,
        "plan": "pro",
        "charge": {"state": "held", "credits": 1},
        "attempt": 0,
        "webhook_token": secrets.token_hex(16),
        "due_at": now.isoformat(),
    }


async def _write(
    request: Request, account: Item, job: Item, wanted: GenerationRequest, idempotency: str
) -> None:
    """The account, the job, its input, a ledger entry and the record of the key, or nothing."""
    partition, seq = account["pk"], account["ledger_seq"] + 1
    held = {
        **account,
        "version": account["version"] + 1,
        "available": account["available"] - 1,
        "held": account["held"] + 1,
        "ledger_seq": seq,
    }
    entry = {
        "seq": seq,
        "at": job["created_at"],
        "cause": job["id"],
        "kind": "held",
        "credits": 1,
        "available_after": held["available"],
    }
    record = {"job": job["id"], "expires_at": int(time.time()) + KEY_S}
    of_job = {"gsi1pk": f"OPEN#{secrets.randbelow(8)}", "gsi1sk": f"{job['due_at']}#{job['id']}"}
    # Amounts of a rig are no binary fractions in DynamoDB: they are stored as text.
    source = {"prompt": wanted.prompt, "lighting": wanted.model_dump_json(include={"lighting"})}
    version = {":version": _serialize(account["version"])}
    puts = [
        _put(held, "version = :version", version),
        _put({"pk": partition, "sk": f"JOB#{job['id']}", **job, **of_job}),
        _put({"pk": partition, "sk": f"INPUT#{job['id']}", **source}),
        _put({"pk": partition, "sk": f"LEDGER#{int(seq):012d}", **entry}),
        _put({"pk": partition, "sk": idempotency, **record}),
    ]
    try:
        await request.app.state.table.transact_write_items(TransactItems=puts)
    except ClientError as error:
        raise HTTPException(409, {"code": "conflict"}) from error


def _put(
    item: Item, condition: str = "attribute_not_exists(pk)", values: Item | None = None
) -> Item:
    put = {
        "TableName": TABLE,
        "Item": {name: _serialize(value) for name, value in item.items()},
        "ConditionExpression": condition,
    }
    return {"Put": put if values is None else {**put, "ExpressionAttributeValues": values}}


async def _read(request: Request, keys: list[Item]) -> dict[str, Item]:
    """The items with these keys, by their sort key."""
    wanted = [{name: _serialize(value) for name, value in key.items()} for key in keys]
    answer = await request.app.state.table.batch_get_item(
        RequestItems={TABLE: {"Keys": wanted, "ConsistentRead": True}}
    )
    items = [
        {name: _deserialize(value) for name, value in item.items()}
        for item in answer["Responses"].get(TABLE, [])
    ]
    return {item["sk"]: item for item in items}


async def _link(request: Request, key: str) -> str:
    """A presigned link to an object."""
    params = {"Bucket": BUCKET, "Key": key}
    link = await request.app.state.s3.generate_presigned_url(
        "get_object", Params=params, ExpiresIn=LINK_S
    )
    return str(link)


def _view(job: Item, base: str) -> Generation:
    this = f"{base}api/v1/generations/{job['id']}"
    links = {"self": this}
    if job["status"] == "queued":
        links["cancel"] = f"{this}/cancel"
    charge = Charge(status=job["charge"]["state"], credits=job["charge"]["credits"])
    shown = {name: job[name] for name in Generation.model_fields if name in job}
    return Generation(**{**shown, "charge": charge, "links": links, "image": None})
