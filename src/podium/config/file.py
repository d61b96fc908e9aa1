"""What podium.toml may say, table by table."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from podium.catalogue.profile import Medium
from podium.catalogue.thinking import BUDGETS, LEVELS, Thinking
from podium.config.limits import LimitsTable, LimitTable
from podium.config.price import PriceTable
from podium.config.resilience import PatienceTable, ResilienceTable
from podium.config.server import HttpUrl, Server

Level = Literal["minimal", "low", "medium", "high", "xhigh", "max"]


class Table(BaseModel):
    """A table in which every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EndpointTable(PatienceTable):
    """[endpoints.NAME]: a host of models. What a built-in endpoint of this name says need not be said again."""

    wire: Literal["openai_chat", "anthropic", "gemini"] | None = None
    base_url: HttpUrl | None = None
    api_key_env: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    patterns: tuple[str, ...] | None = None
    proxy: HttpUrl | None = None
    auth_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$"), AfterValidator(str.lower)] | None = None
    max_tokens_member: Literal["max_completion_tokens", "max_tokens"] | None = None
    call_id_length: Annotated[int, Field(ge=8, le=40)] | None = None
    stream_usage: bool | None = None
    price: PriceTable | None = None
    count_tokens: bool | None = None
    event_bytes: PositiveInt | None = None
    body_bytes: PositiveInt | None = None
    resilience: ResilienceTable = ResilienceTable()


class BudgetsTable(Table):
    """budgets = { … }: what each level is in tokens."""

    minimal: PositiveInt | None = None
    low: PositiveInt | None = None
    medium: PositiveInt | None = None
    high: PositiveInt | None = None
    xhigh: PositiveInt | None = None
    max: PositiveInt | None = None


class ThinkingTable(Table):
    """thinking = { … }: how a model is told how much to think. An empty table: it does not think."""

    levels: tuple[Level, ...] = ()
    least: NonNegativeInt = 0
    most: NonNegativeInt = 0
    off: Literal["unsaid", "disabled", "between_tools", "never"] = "unsaid"
    budgets: BudgetsTable = BudgetsTable()

    def thinking(self) -> Thinking:
        """The same as the profile has it: levels in their order, a table without gaps."""
        return Thinking(
            levels=tuple(sorted(self.levels, key=LEVELS.index)),
            least=self.least,
            most=max(self.least, self.most),
            off=self.off,
            budgets={**BUDGETS, **self.budgets.model_dump(exclude_none=True)},
        )


class ModelTable(Table):
    """[models."ENDPOINT/NAME"]: what a model can do and costs."""

    context_window: PositiveInt | None = None
    output_limit: PositiveInt | None = None
    streaming: bool = True
    price: PriceTable | None = None
    thinking: ThinkingTable | None = None
    media: frozenset[Medium] | None = None
    tools: bool | None = None
    native_schema: bool | None = None
    schema_with_tools: bool | None = None
    inline_system: bool | None = None
    forced_choice: bool | None = None
    sampling: Literal["all", "one", "none"] | None = None


class AlertsTable(Table):
    """[alerts]: whom to tell when a budget reaches its threshold."""

    webhook_url: HttpUrl | None = None
    webhook_secret_env: str | None = None


class File(Table):
    """The whole of podium.toml."""

    default_model: str | None = None
    allow_unpriced: bool = False
    server: Server = Server()
    resilience: ResilienceTable = ResilienceTable()
    limits: LimitsTable = LimitsTable()
    alerts: AlertsTable = AlertsTable()
    endpoints: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")], EndpointTable] = {}
    models: dict[Annotated[str, Field(pattern=r"^[^/]+/.+$")], ModelTable] = {}
    routes: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = {}


_TABLES: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): File,
    ("server",): Server,
    ("resilience",): ResilienceTable,
    ("alerts",): AlertsTable,
    ("limits",): LimitsTable,
    ("limits", "*"): LimitTable,
    ("endpoints", "*"): EndpointTable,
    ("endpoints", "*", "price"): PriceTable,
    ("endpoints", "*", "resilience"): ResilienceTable,
    ("models", "*"): ModelTable,
    ("models", "*", "price"): PriceTable,
    ("models", "*", "thinking"): ThinkingTable,
    ("models", "*", "thinking", "budgets"): BudgetsTable,
}


def table_at(path: tuple[str, ...]) -> type[BaseModel] | None:
    """The table of known keys at a path, if there is one."""
    return _TABLES.get(tuple("*" if at == 1 else key for at, key in enumerate(path)))
