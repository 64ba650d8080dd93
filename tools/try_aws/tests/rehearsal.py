"""Rehearses a trial: ``rehearsal.py path/to/activities``, without AWS.

A moto server stands for the account, and `activities dev` for the API and its tables. Between them is what
Lambda has between a queue and a function. So everything runs but ``sam build``, and ``sam deploy`` runs as on
AWS, of the template as CloudFormation would transform it. What moto has of a service is asked for and held
against what must come of it; what it does not have must be reported, and must not end the trial.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

import boto3  # noqa: E402
from deployment import ACCESS, NoManagedPolicies, start_server, template_with_code  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402

from cloud import Cloud  # noqa: E402
from contract import Contract, Target  # noqa: E402
from dev import SECRET, Dev  # noqa: E402
from load import Load, run_load  # noqa: E402
from messages import LOAD, MAIN, names, plain, poison  # noqa: E402
from outcome import Result, Verdict, guarded  # noqa: E402
from record import wait_for  # noqa: E402
from senders import FunctionSender, QueueSender  # noqa: E402
from stack import FUNCTIONS, TABLES, Aws, Failure, Stack  # noqa: E402
from tokens import Issuer  # noqa: E402
from wire import Connection  # noqa: E402

NAME = "activity-logs-try-rehearsal"
SIGNED = "x" * 40
"""A secret for the stack of moto, whose functions are never started."""

# Checks that moto is good enough for: each must pass.
MUST_PASS = {
    "poison is in the dead-letter queue at once",
    "a dead letter says why",
    "dead letters are moved back",
    "a message that fails holds up no other user",
    "the table Activities",
    "the table Directory",
    "the table Ledger",
    "the roles suffice: no call was denied",
    "the dashboard",
    "invocations of record-activities",
    "no error in the logs but the poison's",
    "no token in the logs",
    "activities verify",
}
# And what it does not have, or has otherwise: each must be said, whatever the result is.
MUST_APPEAR = {
    "from the queue to the API",
    "from the API to the index (one query at least)",
    "permissions",
    "the alarms",
    "throttling of the stage",
    "the metrics of the functions appear",
    "X-Ray has traces of the functions",
}


class TwoTables:
    """DynamoDB: the tables of the stack are moto's, what is in them that of `activities dev`."""

    def __init__(self, control: Any, data: Any) -> None:
        self._control, self._data = control, data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._control, name)

    def query(self, **given: Any) -> Any:
        """Reads the index of the one and only table with entries."""
        return self._data.query(**given | {"TableName": "ActivitiesTable"})

    def describe_table(self, **given: Any) -> Any:
        """moto's CloudFormation does not take these over (tools/deployment.py)."""
        found = self._control.describe_table(**given)
        found["Table"].setdefault("SSEDescription", {"Status": "ENABLED"})
        return found

    def describe_continuous_backups(self, **given: Any) -> Any:
        """Likewise: the trial must have asked for this very table."""
        self._control.describe_table(**given)
        return {
            "ContinuousBackupsDescription": {
                "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"}
            }
        }

    def describe_time_to_live(self, **given: Any) -> Any:
        """Likewise."""
        is_ledger = "Ledger" in given["TableName"]
        return {"TimeToLiveDescription": {"AttributeName": "expiresAt"} if is_ledger else {}}


class Queues:
    """SQS: moto's, which moves no dead letters."""

    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)

    def start_message_move_task(self, **given: str) -> None:
        """Moves what is there, at once. What fails meanwhile comes back, and is not moved again."""
        source, destination = (
            self._sqs.get_queue_url(QueueName=given[arn].rsplit(":", 1)[1])["QueueUrl"]
            for arn in ["SourceArn", "DestinationArn"]
        )
        attribute = "ApproximateNumberOfMessages"
        there = self._sqs.get_queue_attributes(QueueUrl=source, AttributeNames=[attribute])["Attributes"]
        left = int(there[attribute])
        while left and (
            found := self._sqs.receive_message(
                QueueUrl=source, MaxNumberOfMessages=min(left, 10), MessageSystemAttributeNames=["All"]
            ).get("Messages")
        ):
            left -= len(found)
            for one in found:
                self._sqs.send_message(
                    QueueUrl=destination,
                    MessageBody=one["Body"],
                    MessageGroupId=one["Attributes"]["MessageGroupId"],
                    MessageDeduplicationId=str(uuid.uuid4()),
                )
                self._sqs.delete_message(QueueUrl=source, ReceiptHandle=one["ReceiptHandle"])


class Account(Aws):
    """moto's, with the data of `activities dev`."""

    def __init__(self, endpoint: str, dev: Dev) -> None:
        super().__init__(ACCESS["region_name"], endpoint=endpoint)
        local = {
            "region_name": ACCESS["region_name"],
            "aws_access_key_id": "local",
            "aws_secret_access_key": "local",
        }
        data = boto3.client("dynamodb", endpoint_url=dev.dynamodb, **local)
        self._clients["dynamodb"] = TwoTables(super().client("dynamodb"), data)
        self._clients["sqs"] = Queues(super().client("sqs"))
        self._dev = dev

    def environment(self) -> dict[str, str]:
        """For ``sam``, which must not find DynamoDB there, and for the tool, which must."""
        return super().environment() | {"AWS_ENDPOINT_URL_DYNAMODB": self._dev.dynamodb}


class Rehearsed(Stack):
    """The stack of moto, with the tables of `activities dev`."""

    def look(self) -> None:
        """moto gives a stack that came of a change set no outputs."""
        super().look()
        sqs = self.aws.client("sqs")
        for queue in ["RecordQueue", "RecordDeadLetterQueue"]:
            url = self.resources[queue]
            self.outputs[f"{queue}Url"] = url
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            self.outputs[f"{queue}Arn"] = found["Attributes"]["QueueArn"]
        self.outputs |= {f"{table}TableName": self.resources[f"{table}Table"] for table in TABLES}

    def tables(self) -> dict[str, str]:
        """Their names there."""
        return {f"{table.upper()}_TABLE": f"{table}Table" for table in TABLES}


class EventSource(threading.Thread):
    """Takes messages off the queue, invokes the function, and deletes what did not fail.

    `activities dev` gives the function no dead-letter queue, so poison fails there. Here, what fails and has
    room for a reason is moved as the function would do it.
    """

    def __init__(self, account: Account, stack: Stack, dev: Dev) -> None:
        super().__init__(name="event source", daemon=True)
        self._sqs, self._logs, self._stack, self._dev = (
            account.client("sqs"),
            account.client("logs"),
            stack,
            dev,
        )
        self._is_ending = threading.Event()
        self.failure: BaseException | None = None
        self._group = f"/aws/lambda/{stack.name}/record-activities"
        self._logs.create_log_stream(logGroupName=self._group, logStreamName="rehearsal")

    def run(self) -> None:
        """Until the end."""
        try:
            while not self._is_ending.is_set():
                url = self._stack.outputs["RecordQueueUrl"]
                found = self._sqs.receive_message(
                    QueueUrl=url,
                    MaxNumberOfMessages=10,
                    MessageSystemAttributeNames=["All"],
                    MessageAttributeNames=["All"],
                ).get("Messages", [])
                if found:
                    self._deliver(url, found)
                else:
                    time.sleep(0.05)
        except BaseException as error:  # For `end`, which raises it.
            self.failure = error

    def end(self) -> None:
        """Stops."""
        self._is_ending.set()
        self.join(30)
        if self.failure:
            raise self.failure

    def _deliver(self, url: str, found: list[dict[str, Any]]) -> None:
        records = [
            {
                "messageId": one["MessageId"],
                "receiptHandle": one["ReceiptHandle"],
                "body": one["Body"],
                "attributes": one["Attributes"],
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "awsRegion": "us-east-1",
            }
            for one in found
        ]
        with Connection(self._dev.url) as connection:
            body = json.dumps({"Records": records}).encode()
            answer = connection.send(
                FunctionSender.PATH, [("Content-Type", "application/json")], "POST", body
            ).json()
        failed = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
        postponed = 0
        for one in found:
            if one["MessageId"] in failed:
                if len(one["Body"]) > 100_000:
                    postponed += 1
                    continue
                self._sqs.send_message(
                    QueueUrl=self._stack.outputs["RecordDeadLetterQueueUrl"],
                    MessageBody=one["Body"],
                    MessageGroupId=one["Attributes"]["MessageGroupId"],
                    MessageDeduplicationId=str(uuid.uuid4()),
                    MessageAttributes={"reason": {"DataType": "String", "StringValue": "rehearsed"}},
                )
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        self._write(len(found) - len(failed), postponed)

    def _write(self, appends: int, postponed: int) -> None:
        """The lines of the function and of Lambda."""
        line = {"message": "batch recorded", "appends": appends, "postponed": postponed, "retries": 0}
        metrics = {"durationMs": 9.5, "billedDurationMs": 10, "memorySizeMB": 256, "maxMemoryUsedMB": 30}
        record = {
            "requestId": str(uuid.uuid4()),
            "status": "success",
            "metrics": metrics | {"initDurationMs": 80},
        }
        now = int(time.time() * 1000)
        events = [
            {"timestamp": now, "message": json.dumps(one)}
            for one in [line, {"type": "platform.report", "record": record}]
        ]
        self._logs.put_log_events(logGroupName=self._group, logStreamName="rehearsal", logEvents=events)


def transformed(folder: Path) -> Path:
    """The template as CloudFormation makes it of template.yaml."""
    made = transform(template_with_code(), {}, NoManagedPolicies())
    path = folder / "template.json"
    path.write_text(json.dumps(made))
    return path


def check(condition: object, message: str) -> None:
    """Ends the rehearsal if something is not as it must be."""
    if not condition:
        sys.exit(f"try_aws: {message}")


def rehearse(tool: Path) -> None:
    """All of it."""
    access = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    os.environ |= access | {"AWS_DEFAULT_REGION": ACCESS["region_name"]}
    os.environ.pop("AWS_SESSION_TOKEN", None)
    os.environ.pop("AWS_PROFILE", None)
    server, endpoint = start_server()
    # By this name moto knows that the template that ``sam`` has uploaded is in its own S3.
    endpoint = endpoint.replace("127.0.0.1", "localhost")
    results: list[Result] = []
    try:
        with Dev(tool) as dev, tempfile.TemporaryDirectory() as folder:
            account = Account(endpoint, dev)
            stack = Rehearsed(account, NAME)
            check(not list(stack.leftovers()), f"something is there before: {list(stack.leftovers())}")
            code = boto3.client("s3", endpoint_url=endpoint, **ACCESS)
            code.create_bucket(Bucket="code")
            code.put_object(Bucket="code", Key="bootstrap.zip", Body=b"")
            written = io.StringIO()
            try:
                with contextlib.redirect_stderr(written):
                    stack.deploy(SIGNED, "arm64", transformed(Path(folder)))
            except Failure as failure:
                sys.exit(f"{written.getvalue()}try_aws: {failure}")
            check(SIGNED not in written.getvalue(), "the secret was printed")
            check("CREATE_COMPLETE" in written.getvalue(), "sam says nothing of a stack")
            stack.look()
            check(len(stack.resources) > 20, f"few resources: {stack.resources}")
            try:
                stack.check_free()
            except Failure:
                pass
            else:
                sys.exit("try_aws: a stack that is there is not seen")

            # moto would take messages for functions that it cannot start.
            functions = account.client("lambda")
            for one in functions.list_event_source_mappings()["EventSourceMappings"]:
                functions.update_event_source_mapping(UUID=one["UUID"], Enabled=False)
            dev.import_names(names((MAIN, *LOAD)))
            source = EventSource(account, stack, dev)
            source.start()
            contract = Contract(Target(dev.url, Issuer(SECRET)))
            sender = QueueSender(account.client("sqs"), stack.outputs["RecordQueueUrl"])
            sender.send([*[plain(MAIN, number) for number in range(30)], *poison(MAIN)])
            _, missing = wait_for(contract, {MAIN: 30}, 30)
            if missing:
                source.end()
            check(not missing, f"messages are missing: {missing}")
            started = datetime.now(UTC)
            load = Load(messages=len(LOAD) * 5, senders=2, readers=3, seconds=2, pace=5)
            results += guarded("load", "load", lambda: run_load(contract, sender, load, 30))
            cloud = Cloud(account, stack, contract, started, tool)
            cloud.wait, cloud.lag_samples = 3.0, 2
            results += cloud.run()
            source.end()
            retain(account)
            left = stack.tear_down(lambda _: None)
    finally:
        server.kill()
    judge(results, left)


def retain(account: Account) -> None:
    """moto removes with a stack what AWS retains. So there is a table and a queue more, as the stack's."""
    account.client("dynamodb").create_table(
        TableName=f"{NAME}-RetainedTable",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    account.client("sqs").create_queue(QueueName=f"{NAME}-retained.fifo", Attributes={"FifoQueue": "true"})
    account.client("logs").create_log_group(logGroupName=f"/aws/lambda/{NAME}/retained")


def judge(results: list[Result], left: list[str]) -> None:
    """Holds the results against what moto can tell, and prints them if they are not that."""
    by_name = {result.name: result for result in results}
    wrong = [name for name in MUST_PASS if name not in by_name or by_name[name].verdict is not Verdict.PASSED]
    wrong += [name for name in MUST_APPEAR if name not in by_name]
    wrong += [result.name for result in results if result.part == "load" and result.verdict is Verdict.FAILED]
    wrong += [
        result.name for result in results if result.part == "load" and result.verdict is Verdict.UNKNOWN
    ]
    if wrong or left:
        for result in results:
            print(f"{result.verdict.value:9} {result.name}: {result.detail[:300]}")
    check(not wrong, f"not as they must be: {wrong}")
    check(not left, f"left over: {left}")
    print(f"try_aws: rehearsed on moto, {len(results)} results, nothing left over")


if __name__ == "__main__":
    assert set(FUNCTIONS) >= {"viewer"}
    rehearse(Path(sys.argv[1]))
