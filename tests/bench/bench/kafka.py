"""the Kafka target alone, records of 450 bytes; against librdkafka's own producer to the same mock cluster"""
import json

from bench import place
from bench.figures import figure, middle


def measure(arguments):
    records, rounds = (50_000, 1) if arguments.quick else (500_000, 3)
    probe = arguments.build / "tests" / "bench" / "kafka_probe"
    taken = [json.loads(place.must([probe, str(records)]).splitlines()[-1]) for _ in range(rounds)]
    rate, limit = (middle([one[who] for one in taken]) for who in ("target", "producer"))
    return [figure("kafka.rate", rate, "records/s", "librdkafka's own producer", limit)]
