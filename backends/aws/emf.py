"""CloudWatch's embedded metric format: metrics as one printed JSON line, which costs a Lambda no call."""

import json
from collections.abc import Iterable

from pipeline.measures import NAMESPACE, Measure


def emf_lines(measures: Iterable[Measure]) -> list[str]:
    """One line for each Backend and Stage, since an EMF line has one value a dimension."""
    groups: dict[tuple[tuple[str, str], ...], list[Measure]] = {}
    for measure in measures:
        groups.setdefault(measure.dimensions, []).append(measure)
    return [_line(dict(dimensions), group) for dimensions, group in groups.items()]


def _line(dimensions: dict[str, str], group: list[Measure]) -> str:
    metrics = [{"Name": measure.name, "Unit": measure.unit} for measure in group]
    directive = {"Namespace": NAMESPACE, "Dimensions": [list(dimensions)], "Metrics": metrics}
    values = {measure.name: measure.value for measure in group}
    stamp = {"Timestamp": int(group[0].at_s * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": stamp, **dimensions, **values}, separators=(",", ":"))
