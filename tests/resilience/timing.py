"""Time that a test moves itself, and providers to try wrappers on."""

from contextlib import aclosing
from dataclasses import dataclass, field

from podium.catalogue.endpoint import Resilience
from podium.catalogue.profile import Profile
from podium.errors import Overloaded, ProviderError
from podium.ledger.booked import Booked
from podium.providers.provider import Call, Provider
from podium.providers.scripted import Answer, Scripted
from podium.resilience.breaker import Breaker
from podium.resilience.health import Health
from podium.resilience.limited import Limited
from podium.resilience.retried import Retried
from podium.vocabulary.event import Spoken, TextDelta
from podium.vocabulary.part import Text
from podium.vocabulary.request import Line, Request

SMALL = Profile(endpoint="lab", model="small")


@dataclass
class Time:
    """Stands still but for `pass_by` and `sleep`; `draw` gives a fixed share of the most."""

    moment: float = 1000.0
    share: float = 0.5
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.moment

    def draw(self, most: float) -> float:
        return most * self.share

    def pass_by(self, seconds: float) -> None:
        self.moment += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += seconds


@dataclass(frozen=True)
class Heard:
    """What one call gave."""

    events: list[Spoken]
    error: ProviderError | None

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    def count(self, kind: type[Spoken]) -> int:
        return sum(isinstance(event, kind) for event in self.events)

    def failure(self) -> ProviderError:
        assert self.error is not None, f"it went well: {self.events}"
        return self.error


class Lab:
    """An endpoint that plays `answers`, with the whole stack around it as `app` builds it."""

    request = Request("lab/small", (Line("user", (Text("hello"),)),))

    def __init__(self, *answers: Answer, time: Time | None = None, **resilience: int) -> None:
        settings = Resilience(**resilience)
        self.time = time or Time()
        self.host = Scripted(*answers)
        self.health = Health(settings, now=self.time.now, draw=self.time.draw)
        self.provider = self.stack(SMALL, settings)

    def stack(self, profile: Profile, settings: Resilience) -> Provider:
        booked = Booked(self.host, profile)
        retried = Retried(
            booked, self.health, name=profile.name, attempts=settings.attempts, sleep=self.time.sleep
        )
        breaker = Breaker(retried, self.health, name="lab")
        return Limited(breaker, self.health, profile, sleep=self.time.sleep)

    def call(self, *, within: float = 600.0) -> Call:
        return Call(turn=None, purpose="test", deadline=self.time.now() + within, trace="test")

    async def hear(self, *, within: float = 600.0, provider: Provider | None = None) -> Heard:
        heard: list[Spoken] = []
        try:
            async with aclosing(
                (provider or self.provider).stream(self.request, self.call(within=within))
            ) as events:
                async for event in events:
                    heard.append(event)  # noqa: PERF401  # what came before a failure is kept
        except ProviderError as error:
            return Heard(heard, error)
        return Heard(heard, None)


def broken(
    kind: type[ProviderError] = Overloaded, *, status: int | None = 503, after: float | None = None
) -> Answer:
    """An answer that is a failure."""
    return (kind("It failed.", status=status, after=after),)
