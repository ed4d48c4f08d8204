"""a drain while another session holds a REPEATABLE READ transaction from before its first record to its end; against one without"""
from bench import connector, place, server, sink
from bench.figures import alternate, figure, middle


def measure(arguments):
    records, rounds = (20_000, 1) if arguments.quick else (700_000, 2)
    held = []
    with place.folder() as folder, server.running(folder) as database, sink.running(folder) as other:
        with connector.prepared(folder, arguments, database, {"sink": {"url": other.url}}) as tandem:
            def while_held():
                with database.held_snapshot():
                    drained = tandem.drain_backlog(records)
                held.append(drained.seconds)
                return drained
            without, beside = alternate(rounds, lambda: tandem.drain_backlog(records), while_held)
    rate = middle([d.rate for d in beside])
    free = middle([d.rate for d in without])
    return [
        figure("xmin.ratio", rate / free, "of the rate"),
        figure("xmin.rate", rate, "records/s", "no snapshot held", free),
        figure("xmin.held_s", middle(held), "s"),
    ]
