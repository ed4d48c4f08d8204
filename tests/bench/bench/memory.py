"""resident memory of the connector with nothing to do"""
import time

from bench import connector, cpu, place, server, sink
from bench.figures import figure

GOAL_MB = 40


def measure(arguments):
    with place.folder() as folder, server.running(folder) as database, sink.running(folder) as other:
        with connector.prepared(folder, arguments, database, other.url) as tandem:
            tandem.start()
            # Some work first, so that every thread has done what it does.
            tandem.make_rows(1, 100)
            place.wait_for(lambda: tandem.running() and database.number("select count(*) from tandem.outbox where request_state <> 3") == 0,
                           "the first records arrive")
            time.sleep(2 if arguments.quick else 10)
            tandem.running()
            idle = cpu.resident_mb(tandem.process.pid)
    return [figure("memory.idle_mb", idle, "MB", "goal", GOAL_MB)]
