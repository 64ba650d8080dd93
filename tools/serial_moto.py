#!/usr/bin/env python3
"""`moto_server`, with a DynamoDB that serves one request at a time.

moto copies a whole table, items included, for every action of a transaction, and restores the copy when it
refuses the transaction. So a transaction on a long log takes seconds, and concurrent writes are lost. Here
the copy shares the items, which a put or delete replaces and never changes, and no other request runs during
a transaction. An update would change an item in place: this server cannot undo a transaction with an update.
"""

import copy
import threading
from collections import defaultdict

from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.server import main

ONE_AT_A_TIME = threading.Lock()


def copy_of_table(table, _memo):
    """A copy of a table that shares its items."""
    copied = copy.copy(table)
    copied.items = defaultdict(dict)
    for key, items in table.items.items():
        copied.items[key] = dict(items) if table.has_range_key else items
    return copied


def alone(call):
    """The same call, which waits until no other one runs."""
    def waiting(*args, **kwargs):
        with ONE_AT_A_TIME:
            return call(*args, **kwargs)

    return waiting


Table.__deepcopy__ = copy_of_table
DynamoHandler.call_action = alone(DynamoHandler.call_action)

if __name__ == "__main__":
    main()
