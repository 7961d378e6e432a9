"""Say what the busiest minute of a day asks of each part, and which limit is met first.

    scripts/load            print the table
    scripts/load --run      poll a running stack, as `infra/poll.py` says
    python infra/load.py --check     hold infra/README.md to the table, environments to the promise

The promise is in functions/README.md; the parameters are those of production.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cost
import poll
import tomlkit
import workload
from deployed import SAMCONFIG
from limits import PARTITION_READS, Limit, limits
from workload import BASE, PEAK, PROMISE, Day, Load, Parameters, Promise, measured, promised

README = Path("infra/README.md")
BEGIN, END = "<!-- scripts/load -->\n\n", "\n<!-- end -->"

RELAYED_S = 0.4
"""From a change of the table to its worker: Lambda polls the stream, the relay sends it to SQS."""
ADDRESS_WINDOW_S = 300
"""The window of the firewall (infra/waf.yaml)."""


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--check", action="store_true")
    poll.add_arguments(parser)
    args = parser.parse_args()
    if args.run:
        poll.run(args.members, args.seconds, promised().poll_s)
    elif args.check:
        check()
    else:
        print(rendered(), end="")


def check() -> None:
    """Ends with everything that does not hold."""
    said = [it for name in environments() for it in complaints(name, workload.parameters(name))]
    if README.read_text().partition(BEGIN)[2].partition(END)[0] != rendered():
        said.append(f"the table of load in {README} is not what scripts/load prints")
    if said:
        sys.exit("\n".join(said))
    print(f"{README} has the table of scripts/load, and every environment holds the promise")


def rendered() -> str:
    """The table, as Markdown: a column for each load, a row for each limit."""
    loads = scenarios()
    columns = [limits(load) for load in loads.values()]
    head = ["in the busiest minute", "allowed", *loads, "raised by"]
    lines = [head, ["---"] * len(head)]
    for title, told in (
        ("members at once", [load.members for load in loads.values()]),
        ("calls of the authorizer a second", [load.authorizations() for load in loads.values()]),
    ):
        lines.append([title, "", *map(number, told), ""])
    for row in zip(*columns, strict=True):
        it = row[0]
        needs = (f"**{number(it.need)}**" if it.used > 1 else number(it.need) for it in row)
        raised_by = it.raised_by if " " in it.raised_by else f"`{it.raised_by}`"
        lines.append([it.part, number(it.allowed), *needs, raised_by])
    for place, title in enumerate(("met first", "met next")):
        lines.append([title, "", *(met(column, place) for column in columns), ""])
    spent = (cost.total(cost.month(cost.of(load.day))) for load in loads.values())
    lines.append(["AWS, dollars a month of such days", "", *map(number, spent), ""])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def scenarios() -> dict[str, Load]:
    """The loads of the table."""
    parameters = workload.parameters("prod")
    return {
        "base": busiest(BASE, parameters),
        f"{number(promised().members)} at once": crowded(parameters),
        "100 x base": busiest(BASE.times(100), parameters),
        "1,000 x base": busiest(BASE.times(1_000), parameters),
    }


def busiest(day: Day, parameters: Parameters, watching: float | None = None) -> Load:
    """The busiest minute of a day."""
    return Load(day, parameters, PEAK, watching)


def crowded(parameters: Parameters) -> Load:
    """The promised members at once, on a day that has so many, all polling."""
    members = promised().members
    factor = members / busiest(BASE, parameters).members
    return busiest(BASE.times(factor), parameters, watching=members)


def met(column: list[Limit], place: int) -> str:
    """The limit that a growing load meets in this place, and how far it is used."""
    it = sorted(column, key=lambda limit: -limit.used)[place]
    return f"{it.part}: {it.used:,.0%}"


def number(it: float) -> str:
    """A number to two digits or to one."""
    return f"{it:,.0f}" if it >= 10 else f"{it:,.1f}" if it >= 0.1 else f"{it:,.2f}"


def environments() -> list[str]:
    """The environments that are deployed."""
    sections = tomlkit.parse(SAMCONFIG.read_text()).unwrap()
    return [name for name, it in sections.items() if isinstance(it, dict) and "deploy" in it]


def complaints(environment: str, parameters: Parameters) -> Iterator[str]:
    """What of the promise the parameters of an environment do not hold."""
    told, crowd = promised(), crowded(parameters)
    generations = told.generations_a_minute * 24 * 60 / PEAK
    day = replace(crowd.day, generations=generations)
    load = busiest(day, parameters, crowd.watching)
    for it in [*limits(load), *of_promise(told, parameters)]:
        if it.used > 1:
            said = f"{it.part}: {number(it.need)} of {number(it.allowed)}; see {it.raised_by}"
            yield f"{environment} does not hold the promise of {PROMISE}: {said}"


def of_promise(told: Promise, parameters: Parameters) -> Iterator[Limit]:
    """What else the promise needs: a latency, and what one address, listing or counter may meet."""
    batch, step_s = parameters["GenerationBatchSize"], workload.JOB_S / workload.JOB_STEPS
    starts_in_s = RELAYED_S + parameters["RelayWindowSeconds"] + (batch - 1) * step_s
    raised_by = "GenerationBatchSize, RelayWindowSeconds"
    yield Limit("seconds until a generation starts", starts_in_s, told.starts_in_s, raised_by)
    a_second, most = told.requests_a_second, parameters["RequestsPerSecond"]
    yield Limit("requests to any other route a second", a_second, most, "RequestsPerSecond")
    reads = most * measured("GET /marketplace/listings/{id}").reads
    yield Limit("units read of one listing a second", reads, PARTITION_READS, "RequestsPerSecond")
    if most := parameters["WafRequestsPerAddress"]:
        polls = told.behind_address * ADDRESS_WINDOW_S / told.poll_s
        yield Limit("polls of one address in five minutes", polls, most, "WafRequestsPerAddress")


if __name__ == "__main__":
    main()
