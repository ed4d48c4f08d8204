"""What was measured: a value beside the limit or the goal that it is compared with."""
import datetime
import json
import statistics


# At most or at least; a ratio is meant where the figure is one, else `RATIO_GOALS` asks for the ratio to the limit, too.
GOALS = {
    "drain.rate": (">=", 30_000), "drain.cpu_us": ("<=", 45), "batch.rate": (">=", 60_000), "live.lost": ("<=", 0), "latency.p50_ms": ("<=", 1),
    "latency.p99_ms": ("<=", 5), "latency.loaded_p99_ms": ("<=", 50), "overhead.image_loss": ("<=", 0.2), "overhead.latest_loss": ("<=", 0.12),
    "memory.idle_mb": ("<=", 30), "memory.busy_mb": ("<=", 100), "memory.backlog_mb": ("<=", 150), "memory.bigtx_mb": ("<=", 150),
    "aged.ratio": (">=", 0.95), "aged.purging_ratio": (">=", 0.85), "xmin.ratio": (">=", 0.8), "outage.attempts_spent": ("<=", 0),
    "plugin.outbox_ratio": ("<=", 0.7), "plugin.columns_ratio": ("<=", 0.8), "plugin.wal_loss": ("<=", 0.03), "plugin.wal_rate": (">=", 60_000),
    "outage.out_of_order": ("<=", 0), "many.ratio": (">=", 0.95), "intake.apply_rate": (">=", 10_000), "intake.webhook_rate": (">=", 5_000), "intake.kafka_rate": (">=", 30_000), "kafka.rate": (">=", 100_000),
    "peers.poller_ratio": (">=", 1.4), "peers.library_ratio": (">=", 2.5),
}
RATIO_GOALS = {"drain.rate": 0.33, "batch.rate": 0.35, "kafka.rate": 0.6}


def figure(name, value, unit, against="", against_value=None):
    ratio = value / against_value if against_value else None
    return {"name": name, "value": value, "unit": unit, "against": against, "against_value": against_value, "ratio": ratio,
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")}


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


def goal(name):
    """The goal in words, empty where there is none."""
    sign, value = GOALS.get(name, ("", None))
    ratio = f", ratio ≥ {RATIO_GOALS[name]}" if name in RATIO_GOALS else ""
    return f"{'≥' if sign == '>=' else '≤'} {value:,}{ratio}" if sign else ""


def reached(measured):
    """Whether a figure meets its goal; None where it has none, or was taken with small sizes."""
    sign, value = GOALS.get(measured["name"], ("", None))
    if not sign or measured["size"] != "full":
        return None
    met = measured["value"] >= value if sign == ">=" else measured["value"] <= value
    return met and (measured["name"] not in RATIO_GOALS or (measured["ratio"] or 0) >= RATIO_GOALS[measured["name"]])


def rows_of(measured):
    marks = {None: "", True: "reached", False: "not reached"}
    return [("name", "value", "unit", "against", "its value", "ratio", "goal", "", "size")] + [
        (f["name"], _text(f["value"]), f["unit"], f["against"], _text(f["against_value"]), _text(f["ratio"]), goal(f["name"]), marks[reached(f)], f["size"])
        for f in measured]


def show(measured):
    rows = rows_of(measured)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    numeric = (1, 4, 5)
    for row in rows:
        cells = (cell.rjust(width) if i in numeric else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths)))
        print("  ".join(cells).rstrip())


def write(measured, path):
    path.write_text(json.dumps(measured, indent=2) + "\n")
