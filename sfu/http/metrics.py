"""`/metrics` in Prometheus' text format, from a snapshot that is taken when somebody asks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sfu.http.access import Access
from sfu.redact import Secret


@dataclass(frozen=True)
class Figure:
    """One metric. Names have their unit in them and no `_total`; labels never hold a room, a person or an address."""

    name: str
    help: str
    kind: Literal["counter", "gauge"]
    label: str = ""  # the name of the label, if there is one value for each of several things
    values: Mapping[str, float] = field(default_factory=dict)  # by the label's value; without a label by ""


Snapshot = Callable[[], Iterable[Figure]]


class _Snapshots(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        for figure in self._snapshot():
            labels = [figure.label] if figure.label else []
            family_type = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
            family = family_type(figure.name, figure.help, labels=labels)
            for value, number in figure.values.items():
                family.add_metric([value] if labels else [], number)
            yield family


class Metrics:
    """The page and who may read it: those with the token, or, where none is set, this machine only."""

    def __init__(self, snapshot: Snapshot, token: Secret) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Snapshots(snapshot))
        ProcessCollector(namespace="sfu", registry=self._registry)
        self._access = Access(token)

    def install(self, app: web.Application) -> None:
        app.router.add_get("/metrics", self._get)

    async def _get(self, request: web.Request) -> web.Response:
        self._access.require(request)
        encode, content_type = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
        headers = {hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: "no-store"}
        return web.Response(body=encode(self._registry), headers=headers)
