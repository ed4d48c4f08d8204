"""what comes in: records of the inbox into the CRM's tables"""
from bench import intake_apply

PARTS = (intake_apply,)


def measure(arguments):
    return [figure for part in PARTS for figure in part.measure(arguments)]
