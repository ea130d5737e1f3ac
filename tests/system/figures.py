"""/metrics, read."""

from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Figure:
    name: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True)
class Figures:
    """What one scrape showed."""

    all: tuple[Figure, ...]

    @classmethod
    def read(cls, text: str) -> "Figures":
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return cls(tuple(Figure(sample.name, dict(sample.labels), sample.value) for sample in samples))

    def matching(self, name: str, /, **labels: str) -> list[Figure]:
        return [figure for figure in self.all if figure.name == name and labels.items() <= figure.labels.items()]

    def sum(self, name: str, /, **labels: str) -> float:
        """Of the figures that bear these labels; fails where there is none."""
        found = self.matching(name, **labels)
        assert found, f"no {name} {labels}"
        return sum(figure.value for figure in found)
