"""What only AWS can tell: each check asks a service about the stack, after the contract and the load.

CloudWatch and the logs come late, so `Cloud.settle` waits first. Where nothing is promised, what was seen is
reported as observed.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from contract import LIST, Contract
from expect import excerpt
from figures import Invocation, Invocations, batches, parse_report, percentile
from messages import LATE, MAIN, ROOT, Message
from outcome import Result, Verdict, guarded, judged
from senders import QueueSender
from stack import FUNCTIONS, TABLES, Aws, Stack

PART = "only AWS can tell"

ALARMS = 12
POISON = 6
"""How many messages of `messages.poison` there are."""

NEVER = {
    # What no function may do: the actions, and on what.
    "dynamodb:DeleteItem": "table",
    "dynamodb:UpdateItem": "table",
    "dynamodb:Scan": "table",
    "sqs:SendMessage": "queue",
    "sqs:PurgeQueue": "queue",
}
READERS = [name for name in FUNCTIONS if name not in {"record-activities", "viewer"}]

EXPECTED_METRICS = {"latency", "readUnits", "retries", "writeUnits", "appends", "rejected", "authFailures"}


class Cloud:
    """The checks of a stack."""

    def __init__(self, aws: Aws, stack: Stack, contract: Contract, started: datetime, tool: Path) -> None:
        """`tool` is the program ``activities``; `started` is when the stack was first used."""
        self.aws, self.stack, self.contract, self.started, self.tool = aws, stack, contract, started, tool
        self.wait = 240.0
        """Seconds for metrics and traces to appear."""
        self.lag_samples = 20

    def run(self) -> Iterator[Result]:
        """All checks; those that change something of the stack last."""
        checks: list[tuple[str, Callable[[], Iterator[Result]]]] = [
            ("index lag", self.index_lag),
            ("dead letters", self.dead_letters),
            ("redrive", self.redrive),
            ("a message that fails", self.partial_failure),
            ("tables", self.tables),
            ("permissions", self.permissions),
            ("alarms", self.alarms),
            ("dashboard", self.dashboard),
            ("throttling of the stage", self.throttling),
            ("access log", self.access_log),
            ("logs of the functions", self.function_logs),
            ("metrics of the functions", self.embedded_metrics),
            ("DynamoDB", self.dynamodb),
            ("API Gateway and concurrency", self.gateway),
            ("traces", self.traces),
            ("activities verify", self.verify),
        ]
        for name, check in checks:
            yield from guarded(PART, name, check, Verdict.UNKNOWN)

    # Help

    def poll(self, look: Callable[[], Any], seconds: float | None = None) -> Any:
        """What `look` finds, as soon as it is anything, or what it gives at the end."""
        until = time.monotonic() + (self.wait if seconds is None else seconds)
        while not (found := look()) and time.monotonic() < until:
            time.sleep(min(5, max(0.2, self.wait / 20)))
        return found

    def statistic(self, namespace: str, metric: str, statistic: str, **dimensions: str) -> float | None:
        """A statistic of a metric since the start: sums are added up, of others the largest counts."""
        given: dict[str, Any] = {"Statistics": [statistic]}
        if statistic.startswith("p"):
            given = {"ExtendedStatistics": [statistic]}
        points = self.aws.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=self.started - timedelta(minutes=1),
            EndTime=datetime.now(UTC) + timedelta(minutes=1),
            Period=60,
            **given,
        )["Datapoints"]
        values = [
            point["ExtendedStatistics"][statistic] if statistic.startswith("p") else point[statistic]
            for point in points
        ]
        if not values:
            return None
        return float(sum(values) if statistic in {"Sum", "SampleCount"} else max(values))

    def lines(self, group: str, text: str = "") -> list[str]:
        """The lines of a log group since the start, or those that have a text in them. CloudWatch looks for
        it, and what it finds is looked at once more, because its patterns have rules of their own."""
        since = int(self.started.timestamp() * 1000)
        given = {"filterPattern": f'"{text}"'} if text else {}
        found = self.aws.pages(
            "logs", "filter_log_events", "events", logGroupName=group, startTime=since, **given
        )
        return [line for line in (str(event["message"]) for event in found) if text in line]

    def group(self, function: str) -> str:
        """The log group of a function."""
        return f"/aws/lambda/{self.stack.name}/{function}"

    def attributes(self, output: str, *names: str) -> dict[str, str]:
        """Attributes of a queue."""
        url = self.stack.outputs[output]
        found = self.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(names))
        return dict(found["Attributes"])

    def count(self, output: str) -> int:
        """How many messages are in a queue, visible or not. SQS counts roughly."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(int(value) for value in self.attributes(output, *names).values())

    # The queue and the indexes

    def index_lag(self) -> Iterator[Result]:
        """How long after the API shows an entry the index of DynamoDB has it, and how long a message takes
        from the sender to the API. The API reads what an index does not show yet from the table."""
        sender = QueueSender(self.aws.client("sqs"), self.stack.outputs["RecordQueueUrl"])
        table = self.stack.outputs["ActivitiesTableName"]
        dynamodb = self.aws.client("dynamodb")
        recorded, lags = [], []
        for number in range(self.lag_samples):
            total = self.contract.page(user=LATE, limit=0)["pagination"]["total"]
            sent = time.perf_counter()
            body = json.dumps({"userId": LATE, "action": "sync", "metadata": {"sample": number}})
            sender.send([Message(LATE, body)])
            while True:
                page = self.contract.page(user=LATE, limit=1)
                if page["pagination"]["total"] > total:
                    break
                if time.perf_counter() - sent > 60:
                    yield judged(PART, "a message is recorded within a minute", [f"message {number} is not"])
                    return
            shown = time.perf_counter()
            recorded.append((shown - sent) * 1000)
            while True:
                newest = dynamodb.query(
                    TableName=table,
                    IndexName="user",
                    KeyConditionExpression="userId = :user",
                    ExpressionAttributeValues={":user": {"N": str(LATE)}},
                    ScanIndexForward=False,
                    Limit=1,
                )["Items"]
                if newest and int(newest[0]["id"]["N"]) == page["data"][0]["id"]:
                    break
                if time.perf_counter() - shown > 60:
                    yield judged(
                        PART, "the index has an entry within a minute", [f"entry {number} is not there"]
                    )
                    return
            lags.append((time.perf_counter() - shown) * 1000)

        def line(values: list[float]) -> str:
            middle = f"p50 {percentile(values, 50):.0f} ms, longest {max(values):.0f} ms"
            return f"{middle}, of {len(values)}"

        yield Result(PART, "from the queue to the API", Verdict.OBSERVED, line(recorded))
        name = "from the API to the index (one query at least)"
        yield Result(PART, name, Verdict.OBSERVED, line(lags))

    def dead_letters(self) -> Iterator[Result]:
        """Poison is in the dead-letter queue, with the reason."""
        self.poll(lambda: self.count("RecordDeadLetterQueueUrl") >= POISON)
        count = self.count("RecordDeadLetterQueueUrl")
        faults = [] if count == POISON else [f"there are {count} dead letters, not {POISON}"]
        yield judged(PART, "poison is in the dead-letter queue at once", faults, f"{count} dead letters")
        sqs, url = self.aws.client("sqs"), self.stack.outputs["RecordDeadLetterQueueUrl"]
        received = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=5,
            WaitTimeSeconds=2,
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        reasons = sorted(
            {one.get("MessageAttributes", {}).get("reason", {}).get("StringValue", "") for one in received}
        )
        faults = [] if received and all(reasons) else ["a dead letter has no reason"]
        yield judged(PART, "a dead letter says why", faults, "; ".join(reasons))
        time.sleep(6)

    def redrive(self) -> Iterator[Result]:
        """A good message among the dead letters is recorded after it was moved back, and the poison comes
        back."""
        sqs = self.aws.client("sqs")
        before = self.contract.page(user=MAIN, limit=0)["pagination"]["total"]
        key = f"redriven-{uuid.uuid4()}"
        sqs.send_message(
            QueueUrl=self.stack.outputs["RecordDeadLetterQueueUrl"],
            MessageBody=json.dumps({"userId": MAIN, "action": "sync", "idempotencyKey": key}),
            MessageGroupId=str(MAIN),
            MessageDeduplicationId=key,
        )
        arn = self.attributes("RecordDeadLetterQueueUrl", "QueueArn")["QueueArn"]
        sqs.start_message_move_task(SourceArn=arn, DestinationArn=self.stack.outputs["RecordQueueArn"])

        def is_recorded() -> bool:
            return bool(self.contract.page(user=MAIN, limit=0)["pagination"]["total"] > before)

        faults = [] if self.poll(is_recorded) else ["the good one is not recorded"]
        self.poll(
            lambda: self.count("RecordQueueUrl") == 0 and self.count("RecordDeadLetterQueueUrl") >= POISON
        )
        count = self.count("RecordDeadLetterQueueUrl")
        if count != POISON:
            faults.append(f"{count} dead letters came back, not {POISON}")
        yield judged(
            PART, "dead letters are moved back", faults, "the good one is recorded, the poison is back"
        )

    def partial_failure(self) -> Iterator[Result]:
        """Poison that is as large as the queue takes has no room for a reason, so the function reports it as
        failed; what else comes is recorded. Whether both were in one batch, the log says."""
        size = int(self.attributes("RecordQueueUrl", "MaximumMessageSize")["MaximumMessageSize"])
        sqs, url = self.aws.client("sqs"), self.stack.outputs["RecordQueueUrl"]
        before = self.contract.page(user=MAIN, limit=0)["pagination"]["total"]
        good = json.dumps({"userId": MAIN, "action": "sync"})
        # In a group of its own: it holds up what comes behind it there, until it is a dead letter.
        for group, body in [("large", "x" * size), (str(MAIN), good), (str(MAIN), good)]:
            sqs.send_message(
                QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=str(uuid.uuid4())
            )

        def recorded() -> int:
            found = self.contract.page(user=MAIN, limit=0)["pagination"]["total"] - before
            return int(found) if found >= 2 else 0

        faults = [] if self.poll(recorded) == 2 else ["what came after it is not recorded"]
        group = self.group("record-activities")
        found = self.poll(
            lambda: [one for one in batches(self.lines(group, "batch recorded")) if one["postponed"]]
        )
        if not found:
            faults.append("no batch says that it postponed a message")
        mixed = sum(one["appends"] > 0 for one in found)
        detail = (
            f"a message of {size:,} bytes is postponed, in {len(found)} batches, {mixed} of them with others"
        )
        yield judged(PART, "a message that fails holds up no other user", faults, detail)

    # What was deployed

    def tables(self) -> Iterator[Result]:
        """Recovery, encryption, class, billing, expiry."""
        dynamodb = self.aws.client("dynamodb")
        for table in TABLES:
            name = self.stack.outputs[f"{table}TableName"]
            found = dynamodb.describe_table(TableName=name)["Table"]
            recovery = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
            expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            is_ledger = table == "Ledger"
            facts = {
                "TableStatus": (found["TableStatus"], "ACTIVE"),
                "billing": (found.get("BillingModeSummary", {}).get("BillingMode"), "PAY_PER_REQUEST"),
                "recovery": (
                    recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
                    "ENABLED",
                ),
                "encryption": (found.get("SSEDescription", {}).get("Status"), "ENABLED"),
                "class": (found.get("TableClassSummary", {}).get("TableClass", "STANDARD"), "STANDARD"),
                "protection of a dev stack": (bool(found.get("DeletionProtectionEnabled")), False),
                "expiry": (expiry.get("AttributeName"), "expiresAt" if is_ledger else None),
            }
            faults = [
                f"{what} is {value!r}, not {wanted!r}"
                for what, (value, wanted) in facts.items()
                if value != wanted
            ]
            yield judged(PART, f"the table {table}", faults, ", ".join(facts))

    def permissions(self) -> Iterator[Result]:
        """The roles suffice, and allow no more than they should."""
        denied = [
            f"{function}: {line[:300]}"
            for function in FUNCTIONS
            for text in ["AccessDenied", "not authorized to perform"]
            for line in self.lines(self.group(function), text)[:2]
        ]
        yield judged(PART, "the roles suffice: no call was denied", denied)
        iam = self.aws.client("iam")
        tables = [
            self.aws.client("dynamodb").describe_table(TableName=self.stack.outputs[f"{table}TableName"])[
                "Table"
            ]["TableArn"]
            for table in TABLES
        ]
        resources = {"table": tables, "queue": [self.stack.outputs["RecordQueueArn"]]}
        faults = []
        for function, logical in FUNCTIONS.items():
            role = iam.get_role(RoleName=self.stack.resources[f"{logical}Role"])["Role"]
            if attached := iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]:
                faults.append(f"{function} has the policies {attached}")
            forbidden = dict(NEVER)
            if function in READERS or function == "viewer":
                forbidden["dynamodb:PutItem"] = "table"
            for action, kind in forbidden.items():
                decisions = iam.simulate_principal_policy(
                    PolicySourceArn=role["Arn"], ActionNames=[action], ResourceArns=resources[kind]
                )["EvaluationResults"]
                if any(one["EvalDecision"] == "allowed" for one in decisions):
                    faults.append(f"{function} may {action}")
        yield judged(PART, "the roles forbid what no function does", faults, ", ".join(NEVER))

    def alarms(self) -> Iterator[Result]:
        """They are there, and quiet but for the one that the poison sets off."""
        found = list(
            self.aws.pages(
                "cloudwatch", "describe_alarms", "MetricAlarms", AlarmNamePrefix=f"{self.stack.name}-"
            )
        )
        faults = [] if len(found) == ALARMS else [f"there are {len(found)} alarms, not {ALARMS}"]
        states: dict[str, list[str]] = {}
        for alarm in found:
            name = alarm["AlarmName"].removeprefix(f"{self.stack.name}-").rsplit("-", 1)[0]
            states.setdefault(alarm["StateValue"], []).append(name)
        loud = [name for name in states.get("ALARM", []) if name != "DeadLettersAlarm"]
        faults += [f"{name} is on" for name in loud]
        detail = "; ".join(f"{state}: {', '.join(sorted(names))}" for state, names in sorted(states.items()))
        yield judged(PART, "the alarms", faults, detail)

    def dashboard(self) -> Iterator[Result]:
        """It is there, and CloudWatch can read it."""
        found = self.aws.client("cloudwatch").get_dashboard(DashboardName=self.stack.name)
        widgets = json.loads(found["DashboardBody"])["widgets"]
        yield judged(PART, "the dashboard", [] if widgets else ["it is empty"], f"{len(widgets)} widgets")

    def throttling(self) -> Iterator[Result]:
        """The stage is throttled to one request a second for a moment, and then put back."""
        gateway, api = self.aws.client("apigatewayv2"), self.stack.resources["HttpApi"]
        before = gateway.get_stage(ApiId=api, StageName="$default")["DefaultRouteSettings"]
        limits = {name: before[name] for name in ["ThrottlingRateLimit", "ThrottlingBurstLimit"]}
        yield Result(PART, "the throttle of the stage", Verdict.OBSERVED, str(limits))
        settings = {"ThrottlingRateLimit": 1.0, "ThrottlingBurstLimit": 1}
        gateway.update_stage(ApiId=api, StageName="$default", DefaultRouteSettings=settings)
        try:
            response = None
            until = time.monotonic() + 60
            while time.monotonic() < until and (response is None or response.status != 429):
                response = self.contract.get(
                    f"{LIST}?limit=0", headers={"Origin": "https://console.example.com"}
                )
            assert response
            faults = []
            body = response.json()
            if response.status != 429:
                faults.append(f"after a minute, still {response.status}")
            elif not (isinstance(body, dict) and isinstance(body.get("message"), str)):
                faults.append(f"the body is {excerpt(response)}, and openapi.yaml has a message in it")
            names = ["content-type", "retry-after", "access-control-allow-origin"]
            shown = {name: response.header(name) for name in names}
            yield judged(PART, "a throttled request is 429", faults, f"{excerpt(response)} {shown}")
        finally:
            gateway.update_stage(ApiId=api, StageName="$default", DefaultRouteSettings=limits)

    # What was written about it

    def access_log(self) -> Iterator[Result]:
        """A line for each request, with its id and without what the caller sent."""
        marker = f"marker{uuid.uuid4().hex}"
        response = self.contract.get(f"{LIST}?limit=0&action={marker}")
        number = response.header("apigw-requestid") or ""
        group = f"/aws/vendedlogs/{self.stack.name}/http-api"
        found = self.poll(lambda: self.lines(group, number)) if number else []
        faults = []
        if not found:
            faults.append(f"no line has the id {number}")
        else:
            line = json.loads(found[0])
            if (line.get("status"), line.get("method")) != ("200", "GET"):
                faults.append(f"the line is {line}")
        faults += [f"a line has the query: {line[:200]}" for line in self.lines(group, marker)]
        failed = [line for line in self.lines(group) if str(json.loads(line).get("status")).startswith("5")]
        faults += [f"{len(failed)} requests were 5xx: {failed[0][:300]}"] if failed else []
        yield judged(PART, "the access log", faults, found[0].strip()[:400] if found else "")

    def function_logs(self) -> Iterator[Result]:
        """Starts, memory and durations; and what is in the logs that should not be."""
        for function in FUNCTIONS:
            lines = self.lines(self.group(function))
            reports: list[Invocation] = [one for one in map(parse_report, lines) if one]
            if not reports:
                yield Result(
                    PART, f"invocations of {function}", Verdict.UNKNOWN, f"no report in {len(lines)} lines"
                )
                continue
            one = Invocations.of(reports)
            detail = (
                f"{one.count} invocations, p50 {one.p50:.0f} ms, p99 {one.p99:.0f} ms; "
                f"{one.cold} cold starts, "
                f"p50 {one.init_p50:.0f} ms, longest {one.init_max:.0f} ms; {one.max_memory_mb} MB of "
                f"{one.memory_mb} MB at the most"
            )
            faults = [f"{one.failed} did not succeed"] if one.failed else []
            yield judged(PART, f"invocations of {function}", faults, detail)
        loud = []
        for function in FUNCTIONS:
            for line in self.lines(self.group(function), "ERROR"):
                event: dict[str, Any] = {"level": "ERROR", "message": line}
                if line.startswith("{"):
                    event = json.loads(line)
                if event.get("level") != "ERROR":
                    continue
                text = event.get("fields", {}).get("message") or event.get("error") or event.get("message")
                # Each piece of poison is one.
                if text != "a message can never be recorded":
                    loud.append(f"{function}: {text}")
        yield judged(PART, "no error in the logs but the poison's", loud[:5])
        leaks = [
            f"{function}: a line has a token"
            for function in FUNCTIONS
            if self.lines(self.group(function), "eyJ0eXAi")
        ]
        yield judged(PART, "no token in the logs", leaks)

    def embedded_metrics(self) -> Iterator[Result]:
        """CloudWatch has taken them out of the log lines."""
        namespace = f"ActivityLogs/{self.stack.name}"

        def names() -> set[str]:
            listed = self.aws.pages("cloudwatch", "list_metrics", "Metrics", Namespace=namespace)
            return {str(one["MetricName"]) for one in listed}

        self.poll(lambda: names() >= EXPECTED_METRICS)
        missing = EXPECTED_METRICS - names()
        faults = [f"{', '.join(sorted(missing))} did not appear"] if missing else []
        yield judged(PART, "the metrics of the functions appear", faults, ", ".join(sorted(names())))
        lines = batches(self.lines(self.group("record-activities")))
        logged = sum(batch["appends"] for batch in lines)
        dimension = {"function": "record-activities"}
        self.poll(lambda: self.statistic(namespace, "appends", "Sum", **dimension) == logged)
        found = self.statistic(namespace, "appends", "Sum", **dimension)
        faults = [] if found == logged else [f"the metric has {found}, and the log {logged}"]
        yield judged(PART, "the metric of appends is the sum of the log", faults, f"{logged} appends")
        retries = sum(batch["retries"] for batch in lines)
        detail = f"{retries} retries in {len(lines)} batches of {logged} appends"
        yield Result(PART, "retries of the recorder", Verdict.OBSERVED, detail)

    def dynamodb(self) -> Iterator[Result]:
        """Latency, conflicts, throttles and units of the tables."""
        for table in TABLES:
            name = self.stack.outputs[f"{table}TableName"]
            for operation in ["TransactWriteItems", "Query", "GetItem", "BatchGetItem"]:
                given = {"TableName": name, "Operation": operation}
                count = self.statistic("AWS/DynamoDB", "SuccessfulRequestLatency", "SampleCount", **given)
                if not count:
                    continue
                total = self.statistic("AWS/DynamoDB", "SuccessfulRequestLatency", "Sum", **given) or 0
                longest = self.statistic("AWS/DynamoDB", "SuccessfulRequestLatency", "Maximum", **given) or 0
                detail = f"{count:.0f}, {total / count:.1f} ms on average, longest {longest:.0f} ms"
                yield Result(PART, f"{operation} of {table}", Verdict.OBSERVED, detail)
            sums = {
                metric: self.statistic("AWS/DynamoDB", metric, "Sum", TableName=name) or 0.0
                for metric in [
                    "TransactionConflict",
                    "ConditionalCheckFailedRequests",
                    "ReadThrottleEvents",
                    "WriteThrottleEvents",
                    "ConsumedReadCapacityUnits",
                    "ConsumedWriteCapacityUnits",
                ]
            }
            throttles = sums["ReadThrottleEvents"] + sums["WriteThrottleEvents"]
            detail = ", ".join(f"{metric} {value:.0f}" for metric, value in sums.items())
            verdict = Verdict.FAILED if throttles else Verdict.OBSERVED
            yield Result(PART, f"conflicts, throttles and units of {table}", verdict, detail)

    def gateway(self) -> Iterator[Result]:
        """Latency as API Gateway sees it, and how many functions ran side by side."""
        api = {"ApiId": self.stack.resources["HttpApi"]}
        self.poll(lambda: self.statistic("AWS/ApiGateway", "Count", "Sum", **api))
        for metric in ["Latency", "IntegrationLatency"]:
            p50 = self.statistic("AWS/ApiGateway", metric, "p50", **api)
            p99 = self.statistic("AWS/ApiGateway", metric, "p99", **api)
            detail = f"p50 {p50} ms, p99 {p99} ms, of the worst minute"
            yield Result(PART, f"API Gateway: {metric}", Verdict.OBSERVED, detail)
        errors = self.statistic("AWS/ApiGateway", "5xx", "Sum", **api) or 0
        yield judged(PART, "API Gateway: no 5xx", [f"there are {errors:.0f}"] if errors else [])
        account = self.aws.client("lambda").get_account_settings()["AccountLimit"]
        for function, logical in FUNCTIONS.items():
            given = {"FunctionName": self.stack.resources[f"{logical}Function"]}
            most = self.statistic("AWS/Lambda", "ConcurrentExecutions", "Maximum", **given) or 0
            throttles = self.statistic("AWS/Lambda", "Throttles", "Sum", **given) or 0
            errors = self.statistic("AWS/Lambda", "Errors", "Sum", **given) or 0
            faults = [f"{throttles:.0f} throttles, {errors:.0f} errors"] if throttles or errors else []
            detail = f"{most:.0f} at once of {account['ConcurrentExecutions']} of the account"
            yield judged(PART, f"Lambda: {function}", faults, detail)

    def traces(self) -> Iterator[Result]:
        """X-Ray has traces of the functions."""
        xray = self.aws.client("xray")

        def found() -> int:
            pages = xray.get_paginator("get_trace_summaries").paginate(
                StartTime=self.started, EndTime=datetime.now(UTC)
            )
            names = {self.stack.resources[f"{logical}Function"] for logical in FUNCTIONS.values()}
            return sum(
                any(service.get("Name") in names for service in summary.get("ServiceIds", []))
                for page in pages
                for summary in page["TraceSummaries"]
            )

        self.poll(found)
        count = found()
        yield judged(
            PART, "X-Ray has traces of the functions", [] if count else ["there is none"], f"{count} traces"
        )

    def verify(self) -> Iterator[Result]:
        """The tool proves the log that is in the tables."""
        environment = self.aws.environment() | self.stack.tables()
        done = subprocess.run(
            [self.tool, "verify"],
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        said = (done.stdout + done.stderr).strip()
        yield judged(PART, "activities verify", [said] if done.returncode else [], said)
