"""what comes in: webhooks as durable rows, against wrk posting the same to nginx; a topic, against librdkafka's own consumer; and its apply"""
import json
import re

from bench import connector, intake_apply, place, server, sink
from bench.figures import alternate, figure, middle

ROUTE = {"operations": ["delete"], "apply": {}}
TARGET = {"requests": {"delete": {"method": "DELETE", "path": "/opportunity/{object_id}"}}}
SOURCE = {"request_type": "sink", "event": "/event", "header": {"name": "X-Token", "value": "a secret of the benchmark"}}
# A notice of about 450 bytes; each has its own id, so that none is passed over.
SCRIPT = """
local count = 0
local rest = '","id":"r1","data":{"name":"' .. string.rep('n', 380) .. '"}}'
local headers = {["Content-Type"] = "application/json", ["X-Token"] = "a secret of the benchmark"}
function request()
  count = count + 1
  return wrk.format("POST", "/v1/intake/sink", headers, '{"event":"%s-' .. count .. rest)
end
"""


def measure(arguments):
    rounds, seconds, messages = (1, 3, 50_000) if arguments.quick else (3, 6, 300_000)
    with place.folder() as folder, server.running(folder) as database, sink.running(folder) as other:
        webhooks, limits = webhook(arguments, folder, database, other, rounds, seconds)
        topics = [topic(arguments, folder, database, f"topics{turn}", messages) for turn in range(rounds)]
    return [
        figure("intake.webhook_rate", middle(webhooks), "records/s", "wrk to nginx", middle(limits)),
        figure("intake.kafka_rate", middle([t["source"] for t in topics]), "records/s", "librdkafka's own consumer", middle([t["consumer"] for t in topics])),
        *intake_apply.measure(arguments),
    ]


def webhook(arguments, folder, database, other, rounds, seconds):
    tandem = connector.Connector(folder, arguments, database, {"sink": {"url": other.url} | TARGET}, route=ROUTE)
    tandem.configure(sources={"sink": SOURCE})
    tandem.install()
    tandem.sql("update tandem.source set paused = true")  # what comes is stored, and applied another day
    tandem.start_idle()
    script = folder / "notices.lua"

    def take(turn=iter(range(100))):
        script.write_text(SCRIPT % next(turn))
        before = tandem.number("select count(*) from tandem.inbox")
        output = place.must(["wrk", "-t", 1, "-c", connector.CONCURRENCY, "-d", f"{seconds}s", "-s", script, f"http://127.0.0.1:{tandem.http_port}"])
        if "Non-2xx" in output or "Socket errors" in output:
            raise RuntimeError(f"not every notice was taken:\n{output}")
        requests, took = re.search(r"(\d+) requests in ([\d.]+)s", output).groups()
        if tandem.number("select count(*) from tandem.inbox") - before < int(requests):
            raise RuntimeError("a notice was acknowledged and is not there")
        return int(requests) / float(took)

    try:
        body = json.dumps({"event": "1-1", "id": "r1", "data": {"name": "n" * 380}})
        return alternate(rounds, take, lambda: other.most_requests(body, seconds=seconds))
    finally:
        tandem.stop()


def topic(arguments, folder, database, name, messages):
    """One round, in a database of its own: the topic is read once."""
    database.sql(f"create database {name}", database="postgres")
    tandem = connector.Connector(folder, arguments, database, {"sink": {"url": "http://127.0.0.1:1"} | TARGET}, database=name, route={"operations": ["delete"]})
    place.must([tandem.binary, "migrate", "--config", tandem.file])
    tandem.sql("""insert into tandem.source (source, definition) values ('topics', '{"target": "topics"}')""")
    probe = arguments.build / "tests" / "bench" / "intake_probe"
    return json.loads(place.must([probe, database.url(database=name), str(messages)]).splitlines()[-1])
