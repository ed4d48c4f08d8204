"""instructions of the server for a one-row update of watched pgbench accounts, each in a transaction: against no capture and a naive trigger"""
from bench import overhead, place, server
from bench.figures import figure

FEW = 50  # what starting costs, and what the first statements look up, is in these and taken off


def measure(arguments):
    count = 200 if arguments.quick else 1_000
    with place.folder() as folder, server.running(folder) as database, overhead.every_kind(folder, arguments, database) as kinds:
        for kind in kinds:
            database.sql("vacuum (analyze)", database=kind)
        database.halt()
        taken = {kind: (database.instructions(kind, updates(FEW + count)) - database.instructions(kind, updates(FEW))) / count for kind in kinds}
    measured = []
    for kind in kinds[1:]:
        measured.append(figure(f"instructions.{kind}", taken[kind] - taken["plain"], "instructions/update", "the update itself", taken["plain"]))
    return measured


def updates(count):
    return ["set role crm;"] + [f"update pgbench_accounts set abalance = abalance + 1 where aid = {1 + n * 7919 % 100_000};" for n in range(count)]
