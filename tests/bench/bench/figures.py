"""What was measured: a value beside the limit or the goal that it is compared with."""
import json
import statistics


def figure(name, value, unit, against="", against_value=None):
    ratio = value / against_value if against_value else None
    return {"name": name, "value": value, "unit": unit, "against": against, "against_value": against_value, "ratio": ratio}


def alternate(rounds, *takes):
    """A B A B: calls each in turn, so often; one list of results for each."""
    results = [[] for _ in takes]
    for _ in range(rounds):
        for taken, take in zip(results, takes):
            taken.append(take())
    return results


def middle(values):
    return statistics.median(values)


def _text(value):
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"


def show(measured):
    rows = [("name", "value", "unit", "against", "its value", "ratio")]
    rows += [(f["name"], _text(f["value"]), f["unit"], f["against"], _text(f["against_value"]), _text(f["ratio"])) for f in measured]
    widths = [max(len(row[i]) for row in rows) for i in range(6)]
    numeric = (1, 4, 5)
    for row in rows:
        cells = (cell.rjust(width) if i in numeric else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths)))
        print("  ".join(cells).rstrip())


def write(measured, path):
    path.write_text(json.dumps(measured, indent=2) + "\n")
