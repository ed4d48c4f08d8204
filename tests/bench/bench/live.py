"""pgbench at full speed makes records while tandem delivers them: the share of TPS that remains, and what is left behind"""
import time

from bench import place, server, sink
from bench.figures import alternate, figure, middle
from bench.overhead import captured


def measure(arguments):
    seconds = 4 if arguments.quick else 15
    backlogs, caught_up = [], []
    with place.folder() as folder, server.running(folder) as database, sink.running(folder) as other:
        with captured(folder, arguments, database, "bench_live", {"url": other.url}) as tandem:
            def alone():
                return database.pgbench(tandem.database, "-c", 8, "-j", 2, "-T", seconds)

            def together():
                tandem.sql("truncate tandem.outbox")
                tandem.start_idle()
                tps = alone()
                backlogs.append(tandem.pending())
                begin = time.monotonic()
                place.wait_for(lambda: tandem.pending() == 0, "what was left behind arrives", seconds=120)
                caught_up.append(time.monotonic() - begin)
                lost.append(tandem.count("outcome not in ('delivered', 'superseded')"))
                tandem.stop()
                return tps
            lost = []
            without, with_tandem = alternate(1 if arguments.quick else 3, alone, together)
    return [
        figure("live.tps_share", middle(with_tandem) / middle(without), "of the TPS"),
        figure("live.tps", middle(with_tandem), "transactions/s", "captured, no connector", middle(without)),
        figure("live.backlog_end", middle(backlogs), "records", f"records made in {seconds} s", middle(with_tandem) * seconds),
        figure("live.catch_up_s", middle(caught_up), "s"),
        figure("live.lost", sum(lost), "records"),
    ]
