"""Partition projection as Athena's documentation describes it: which folders a table reads, and the values of each.

https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
"""

import datetime
import itertools
import re

STEP = {"DAYS": datetime.timedelta(days=1), "HOURS": datetime.timedelta(hours=1)}
JAVA = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "DDD": "%j"}


def partitions(table, now, injected=()):
    """{folder: {column: value}} of every projected partition; `injected` are the values that a query would give."""
    properties = table["Parameters"]
    columns = [key["Name"] for key in table["PartitionKeys"]]
    if properties.get("projection.enabled") != "true":
        assert not columns, "columns that nobody fills"
        return {table["StorageDescriptor"]["Location"]: {}}
    values = [list(_values(column, properties, now, dict(injected))) for column in columns]
    found = {}
    for row in itertools.product(*values):
        folder = properties["storage.location.template"]
        for column, value in zip(columns, row, strict=True):
            folder = folder.replace(f"${{{column}}}", value)
        assert "$" not in folder and folder.endswith("/"), folder
        found[folder] = dict(zip(columns, row, strict=True))
    return found


def _values(column, properties, now, injected):
    def get(name):
        return properties.get(f"projection.{column}.{name}")

    match get("type"):
        case "enum":
            return get("values").split(",")
        case "injected":
            return injected[column]
        case "integer":
            first, last = map(int, get("range").split(","))
            return [str(number).zfill(int(get("digits") or 0)) for number in range(first, last + 1)]
        case "date":
            return _dates(get("format"), get("range"), get("interval.unit"), now)


def _dates(java, limits, unit, now):
    strftime = re.sub("|".join(JAVA), lambda match: JAVA[match[0]], java)
    first, last = (_limit(text, strftime, now) for text in limits.split(","))
    at, dates = first, []
    while at <= last:
        dates.append(at.strftime(strftime))
        if unit in STEP:
            at += STEP[unit]
        elif unit == "MONTHS":
            at = (at.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
        else:
            at = at.replace(year=at.year + 1)
    return dates


def _limit(text, strftime, now):
    if relative := re.fullmatch(r"\s*NOW\s*(?:([+-])\s*(\d+)\s*(YEAR|DAY)S?\s*)?", text):
        sign, count, unit = relative.groups()
        if not sign:
            return now
        count = int(sign + count)
        return now.replace(year=now.year + count) if unit == "YEAR" else now + datetime.timedelta(days=count)
    return datetime.datetime.strptime(text, strftime)
