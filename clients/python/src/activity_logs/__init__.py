"""Records what users do into Activity Logs, and reads it back.

At start-up, ``activity.configure(queue_url=...)`` says where to record, and the middleware of a framework
(``activity_logs.asgi``, ``.flask``, ``.django``, ``.aws_lambda``) says who the user is. In a route, and
anywhere below it, ``record("create", resource=("function", 5))`` does the rest.
"""

from ._context import Detached
from ._log import ActivityLog, NoContextError, activity, record
from ._memory import Memory, memory
from ._message import Id, Message
from ._options import LogOptions, RecordOptions
from ._outbox import Failure
from ._receipt import DeliveryError, Receipt
from ._sender import Transport

__all__ = [
    "ActivityLog",
    "DeliveryError",
    "Detached",
    "Failure",
    "Id",
    "LogOptions",
    "Memory",
    "Message",
    "NoContextError",
    "Receipt",
    "RecordOptions",
    "Transport",
    "activity",
    "memory",
    "record",
]

__version__ = "0.1.0"
