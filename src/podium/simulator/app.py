"""The simulator as an ASGI application."""

import asyncio
from collections import Counter

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from podium.errors import CallerError, InvalidRequest, OperatorError, Unauthenticated
from podium.kit import clock, ids
from podium.simulator.answer import prompt, rounds_played, speak
from podium.simulator.dialect import DIALECTS, Dialect, asks_for_count
from podium.simulator.option import Options
from podium.simulator.oracle import Ended, Oracle, Served
from podium.simulator.pipe import Pipe
from podium.simulator.plan import Fault, Plan
from podium.simulator.play import Play
from podium.simulator.rule import Members, plan_of, read, read_header
from podium.simulator.script import Script, parse_script, read_script
from podium.simulator.signature import check_signatures
from podium.simulator.tally import tally
from podium.vocabulary.event import AnswerStarted
from podium.vocabulary.request import Request as Asked
from podium.wires.stranger import strange_role

JSON = "application/json"


class Stage:
    """What all calls of one simulator share: options, script, oracle, and how often each fault has struck."""

    def __init__(self, options: Options) -> None:
        """Reads the script and opens the oracle's file.

        Raises:
            OperatorError: the script is wrong.
        """
        self.options = options
        self.oracle = Oracle(options)
        self._script = read_script(options.script) if options.script else Script()
        self._struck: Counter[str] = Counter()

    def plan(self, request: Asked, header: str | None) -> Plan:
        """How to answer: the header's rules go before the prompt's, these before the options.

        A script's answer takes the place of the prompt.

        Raises:
            InvalidRequest: a rule is wrong.
        """
        said, played = prompt(request), rounds_played(request)
        scripted = self._script.find(request.model, said)
        rules = read(said if scripted is None else scripted)
        here = rules.after(played)
        members: Members = {"rate": self.options.rate, "first": self.options.first, "text": rules.text}
        if scripted is not None and here.text:
            members["say"] = here.text
        members |= here.members
        if header:
            members |= read_header(header).after(played).members
        return plan_of(members)

    def fault(self, plan: Plan) -> Fault | None:
        """The plan's fault, if it is still to strike."""
        fault = plan.fault
        if fault is None or fault.times is None:
            return fault
        key = fault.key or repr(fault)
        self._struck[key] += 1
        return fault if self._struck[key] <= fault.times else None

    def follow(self, script: Script) -> None:
        """Play by another script from now on."""
        self._script = script

    def forget(self) -> None:
        """Begin anew: no calls served, no fault struck."""
        self.oracle.forget()
        self._struck.clear()


class Speaker:
    """Answers the calls of one dialect; an ASGI application of its own, since faults need the bare response."""

    def __init__(self, stage: Stage, dialect: Dialect) -> None:
        self._stage = stage
        self._dialect = dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, and note how it went."""
        http = Request(scope, receive)
        served = self._stage.oracle.begin(scope["path"], http.headers.get("x-podium-attempt"))
        pipe = Pipe(scope, send, served)
        ended: Ended = "client_gone"
        try:
            ended = await self._answer(http, pipe, served)
        except CallerError as error:
            status = 401 if isinstance(error, Unauthenticated) else 400
            await pipe.whole(status, {"content-type": JSON}, self._dialect.wire.write_error(status, error))
            ended = "refused"
        except ClientDisconnect:
            pass
        finally:
            self._stage.oracle.end(served, ended)

    async def _answer(self, http: Request, pipe: Pipe, served: Served) -> Ended:
        key = self._stage.options.api_key
        if key is not None and key not in _presented(http):
            raise Unauthenticated("This is not the simulator's key.")
        counts = asks_for_count(http.url.path)
        said = {**http.query_params, **http.path_params, **({"method": "count_tokens"} if counts else {})}
        request = self._dialect.wire.read_request(said, await http.body())
        _check_roles(request)
        served.signed = check_signatures(self._dialect.wire.name, request)
        plan = self._stage.plan(request, http.headers.get("x-simulate"))
        served.model, served.stream, served.said = request.model, request.stream, prompt(request)[:200]
        if counts:
            performing = tally(self._dialect, request, self._fault(plan, served), pipe, served)
        else:
            performing = self._play(request, plan, served).perform(pipe)
        playing = asyncio.create_task(performing)
        leaving = asyncio.create_task(_wait_until_gone(http))
        try:
            await asyncio.wait((playing, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                return "client_gone"
            if not playing.result().startswith("complete"):
                await (
                    leaving
                )  # a connection that was broken on purpose is seen to be gone before the server looks
            return playing.result()
        finally:
            playing.cancel()
            leaving.cancel()

    def _fault(self, plan: Plan, served: Served) -> Fault | None:
        fault = self._stage.fault(plan)
        if fault is not None:
            served.fault = f"{fault.kind} {fault.status}" if fault.kind == "status" else fault.kind
        return fault

    def _play(self, request: Asked, plan: Plan, served: Served) -> Play:
        fault = self._fault(plan, served)
        created = clock.unix()
        served.id = ids.new(self._dialect.prefix).replace("_", "-")
        started = AnswerStarted(id=served.id, model=request.model, created=created)
        writer = self._dialect.wire.writer(request, answer_id=served.id, created=created, model=request.model)
        pieces = speak(plan, request, started, self._dialect.wire.name)
        return Play(self._dialect.wire, request, plan, fault, served, writer, pieces)


class Desk:
    """The simulator's own routes: what it served, and by which script it plays."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def models(self, _http: Request) -> Response:
        """`GET /v1/models`."""
        return JSONResponse(
            {
                "object": "list",
                "data": [
                    {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "simulator"}
                    for name in self._stage.options.models
                ],
            }
        )

    async def report(self, http: Request) -> Response:
        """`GET /oracle`, with `?after=` the number of the last call that is known already."""
        after = http.query_params.get("after", "0")
        told = self._stage.oracle.report(int(after) if after.isdecimal() else 0)
        return Response(msgspec.json.encode(told), media_type=JSON)

    async def forget(self, _http: Request) -> Response:
        """`DELETE /oracle`."""
        self._stage.forget()
        return Response(status_code=204)

    async def script(self, http: Request) -> Response:
        """`PUT /script`: a script as JSON, in place of the present one."""
        try:
            self._stage.follow(parse_script(msgspec.json.decode(await http.body())))
        except OperatorError as error:
            return JSONResponse({"error": {"message": error.message}}, 400)
        return Response(status_code=204)


def app(options: Options) -> Starlette:
    """The simulator. Faults of the connection itself need `podium.simulator.serve` as its server."""
    return staged(Stage(options))


def staged(stage: Stage) -> Starlette:
    """The application over a stage that the caller keeps."""
    desk = Desk(stage)
    return Starlette(
        routes=[
            *(Route(dialect.path, Speaker(stage, dialect), methods=["POST"]) for dialect in DIALECTS),
            Route("/v1/models", desk.models),
            Route("/oracle", desk.report),
            Route("/oracle", desk.forget, methods=["DELETE"]),
            Route("/script", desk.script, methods=["PUT"]),
        ]
    )


async def _wait_until_gone(http: Request) -> None:
    while (await http.receive())["type"] != "http.disconnect":
        pass


def _check_roles(request: Asked) -> None:
    """Every host refuses a role that its dialect does not know."""
    for part in (part for line in request.lines for part in line.parts):
        if (role := strange_role(part)) is not None:
            raise InvalidRequest(f"There is no role {role!r}.")


def _presented(http: Request) -> tuple[str | None, ...]:
    """The keys of a call, wherever the dialects put theirs."""
    bearer = http.headers.get("authorization", "").removeprefix("Bearer ")
    return (
        bearer,
        http.headers.get("x-api-key"),
        http.headers.get("x-goog-api-key"),
        http.query_params.get("key"),
    )
