#!/usr/bin/env python3
"""`moto_server`, with a DynamoDB that serves one request at a time.

moto copies a table for every action of a transaction, with all that is in it, and puts the copy back when
it refuses the transaction. So a transaction on a long log takes seconds, and what others wrote meanwhile is
lost. Here the copy shares the items, which no put or delete changes, and nothing else is written meanwhile.
An update would change them: a transaction with one in it is not for this server.
"""

import copy
import threading
from collections import defaultdict

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.server import main

ONE_AT_A_TIME = threading.Lock()


def copy_of_table(table, _memo):
    copied = copy.copy(table)
    copied.items = defaultdict(dict)
    for key, items in table.items.items():
        copied.items[key] = dict(items) if table.has_range_key else items
    return copied


def alone(call):
    def waiting(*args, **kwargs):
        with ONE_AT_A_TIME:
            return call(*args, **kwargs)

    return waiting


Table.__deepcopy__ = copy_of_table
DynamoHandler.call_action = alone(DynamoHandler.call_action)

if __name__ == "__main__":
    main()
