"""The stack of a trial: how it is deployed, and how everything of it is removed again."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from messages import ROOT

PREFIX = "activity-logs-try-"
"""How the name of every stack of a trial begins. Nothing else is ever deleted."""

SECONDS_TO_DELETE = 900

BEGAN = time.monotonic()

FUNCTIONS = {
    "list-activities": "ListActivities",
    "list-project-activities": "ListProjectActivities",
    "get-activity": "GetActivity",
    "viewer": "Viewer",
    "record-activities": "RecordActivities",
}
"""The functions, and how their resources begin in template.yaml."""

TABLES = ["Activities", "Directory", "Ledger"]

UNSEEN = "it cannot be seen whether there is any"
"""What is said where a service cannot be asked."""

STAYS = [
    "Metrics of CloudWatch, also those in the namespace ActivityLogs/{name}: they expire after 15 months, "
    "and cost nothing once nothing is added",
    "Traces of X-Ray: they expire after 30 days",
    "The deleted stack, in the list of deleted stacks of CloudFormation, for 90 days",
    "CloudTrail's record of what was called, if the account has a trail",
]
"""What nobody can delete."""


class Failure(Exception):  # noqa: N818
    """Something that ends the trial; the text says what."""


class Aws:
    """The services of an account in a region, by name."""

    def __init__(
        self, region: str | None = None, profile: str | None = None, endpoint: str | None = None
    ) -> None:
        """`endpoint` is that of an emulator."""
        # boto3 knows AWS_DEFAULT_REGION alone; the tool and the SDKs of Rust know AWS_REGION.
        region = region or os.environ.get("AWS_REGION")
        self._session: Any = boto3.Session(region_name=region, profile_name=profile)
        if not self._session.region_name:
            raise Failure("no region is configured: give one with --region, or set AWS_REGION")
        self.region: str = self._session.region_name
        self._endpoint = endpoint
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """A client, made once."""
        if service not in self._clients:
            config = Config(retries={"mode": "standard", "max_attempts": 8}, max_pool_connections=32)
            self._clients[service] = self._session.client(service, endpoint_url=self._endpoint, config=config)
        return self._clients[service]

    def pages(self, service: str, operation: str, member: str, **given: Any) -> Iterator[Any]:
        """The members of all pages of a list."""
        for page in self.client(service).get_paginator(operation).paginate(**given):
            yield from page.get(member, [])

    def environment(self) -> dict[str, str]:
        """The variables with which a program of this machine has the same access."""
        found = self._session.get_credentials()
        if found is None:
            raise Failure("there are no AWS credentials: `aws configure`, or AWS_PROFILE, or --profile")
        frozen = found.get_frozen_credentials()
        variables = {
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": frozen.access_key,
            "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
        }
        if frozen.token:
            variables["AWS_SESSION_TOKEN"] = frozen.token
        if self._endpoint:
            variables["AWS_ENDPOINT_URL"] = self._endpoint
        return variables


def say(text: str) -> None:
    """Tells the reader how far it is. A closed terminal is no reason to stop while there is a stack."""
    with contextlib.suppress(OSError):
        print(f"try-aws {time.monotonic() - BEGAN:6.1f} s: {text}", file=sys.stderr, flush=True)


def run(command: list[str], hidden: str, environment: Mapping[str, str] | None = None) -> None:
    """Runs a program at the root of the project and shows what it writes, without what is to be hidden.

    Raises `Failure` if it fails.
    """
    variables = {**os.environ, **(environment or {}), "SAM_CLI_TELEMETRY": "0"}
    with subprocess.Popen(
        command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        try:
            for line in process.stdout:
                with contextlib.suppress(OSError):
                    print("  " + line.replace(hidden, "***").rstrip(), file=sys.stderr, flush=True)
        except BaseException:
            # The block would wait for its end.
            process.terminate()
            raise
    if process.returncode:
        raise Failure(f"{Path(command[0]).name} {command[1]} has failed ({process.returncode})")


def parameter_overrides(secret: str, architecture: str) -> str:
    """The parameters of the stack, as ``sam`` takes them: nothing that is retained for long."""
    if not secret.isalnum():
        raise ValueError("SAM ends a value at a space, a quote or a backslash")
    return f"Stage=dev Architecture={architecture} LogRetentionDays=1 JwtSecret={secret}"


class Stack:
    """A stack of its own, from its name on."""

    def __init__(self, aws: Aws, name: str) -> None:
        if not name.startswith(PREFIX) or not name.replace("-", "").isalnum() or len(name) > 40:
            raise Failure(
                f"the name must begin with {PREFIX}, and have letters, digits and hyphens, at most 40"
            )
        self.aws, self.name = aws, name
        self.bucket = f"{name}-artifacts"
        self.outputs: dict[str, str] = {}
        self.resources: dict[str, str] = {}
        """The physical id of each resource, by its name in template.yaml."""

    # Deployment

    def check_free(self) -> None:
        """Raises `Failure` if there is something of that name."""
        if left := [one for one in self.leftovers() if UNSEEN not in one]:
            raise Failure(
                f"something is there already: {'; '.join(left)}. `--tear-down {self.name}` removes it"
            )

    def deploy(
        self, secret: str, architecture: str, template: Path | None = None, *, is_built: bool = False
    ) -> None:
        """Builds and deploys as the README does, with a bucket of the stack's own, so that it can be removed.

        The secret goes to ``sam`` in a file that nobody else may read, and not in its arguments.
        """
        sam = str(ROOT / ".tools/aws/bin/sam")
        environment = self.aws.environment()
        if template is None and not is_built:
            say("building the functions (the first time takes some minutes)")
            run([sam, "build", "--parameter-overrides", f"Stage=dev Architecture={architecture}"], secret)
        self._create_bucket()
        with tempfile.TemporaryDirectory(prefix="try-aws-") as folder:
            config = Path(folder) / "samconfig.toml"
            descriptor = os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                overrides = json.dumps(parameter_overrides(secret, architecture))
                file.write(
                    f"version = 0.1\n\n[default.deploy.parameters]\nparameter_overrides = {overrides}\n"
                )
            command = [sam, "deploy", "--config-file", str(config), "--stack-name", self.name]
            command += ["--region", self.aws.region, "--s3-bucket", self.bucket, "--no-confirm-changeset"]
            command += ["--capabilities", "CAPABILITY_IAM", "--on-failure", "DELETE"]
            if template:
                command += ["--template-file", str(template)]
            say(f"deploying {self.name}")
            run(command, secret, environment)

    def _create_bucket(self) -> None:
        s3 = self.aws.client("s3")
        place = {"LocationConstraint": self.aws.region}
        given = {} if self.aws.region == "us-east-1" else {"CreateBucketConfiguration": place}
        s3.create_bucket(Bucket=self.bucket, **given)
        blocked = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
        s3.put_public_access_block(
            Bucket=self.bucket, PublicAccessBlockConfiguration=dict.fromkeys(blocked, True)
        )

    def look(self) -> None:
        """Reads the outputs and the resources of the stack."""
        formation = self.aws.client("cloudformation")
        [found] = formation.describe_stacks(StackName=self.name)["Stacks"]
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
        listed = self.aws.pages(
            "cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=self.name
        )
        self.resources = {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for one in listed
            if "PhysicalResourceId" in one
        }

    @property
    def url(self) -> str:
        """The origin of the API."""
        return self.outputs["ApiUrl"].removesuffix("/api/activities")

    def tables(self) -> dict[str, str]:
        """The variables with the names of the tables, for the tool."""
        return {f"{table.upper()}_TABLE": self.outputs[f"{table}TableName"] for table in TABLES}

    # Tear-down

    def tear_down(self, report: Callable[[str], None] = say) -> list[str]:
        """Removes everything, and gives what is left. No step keeps the next from being tried."""
        steps: list[tuple[str, Callable[[], None]]] = [
            ("the stack", self._delete_stack),
            ("the tables", self._delete_tables),
            ("the queues", self._delete_queues),
            ("the log groups", self._delete_log_groups),
            ("the bucket", self._delete_bucket),
        ]
        faults = []
        for name, step in steps:
            report(f"removing {name} of {self.name}")
            try:
                step()
            except Exception as error:  # The other steps are tried all the same.
                faults.append(f"removing {name} has failed: {error}")
        return [*faults, *self.leftovers()]

    def _delete_stack(self) -> None:
        formation = self.aws.client("cloudformation")
        if self._status() is None:
            return
        formation.delete_stack(StackName=self.name)
        until = time.monotonic() + SECONDS_TO_DELETE
        while (status := self._status()) is not None:
            if status == "DELETE_FAILED" or time.monotonic() > until:
                raise Failure(f"the stack is {status}")
            time.sleep(5)

    def _status(self) -> str | None:
        """The state of the stack; None if there is none."""
        try:
            [found] = self.aws.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        status = str(found["StackStatus"])
        return None if status == "DELETE_COMPLETE" else status

    def _delete_tables(self) -> None:
        """The template retains them. Recovery is turned off first: with it, DynamoDB would keep a backup of
        each deleted table for 35 days."""
        dynamodb = self.aws.client("dynamodb")
        names = self._tables()
        for table in names:
            if dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled"):
                dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
            recovery = {"PointInTimeRecoveryEnabled": False}
            dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=recovery)
            dynamodb.delete_table(TableName=table)
        for table in names:
            dynamodb.get_waiter("table_not_exists").wait(TableName=table)

    def _delete_queues(self) -> None:
        sqs = self.aws.client("sqs")
        for url in self._queues():
            sqs.delete_queue(QueueUrl=url)
        # A queue is listed for up to a minute after it was deleted.
        until = time.monotonic() + 90
        while self._queues() and time.monotonic() < until:
            time.sleep(3)

    def _delete_log_groups(self) -> None:
        logs = self.aws.client("logs")
        for group in self._log_groups():
            logs.delete_log_group(logGroupName=group)

    def _delete_bucket(self) -> None:
        if not self._buckets():
            return
        s3 = self.aws.client("s3")
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
            if objects:
                s3.delete_objects(Bucket=self.bucket, Delete={"Objects": objects})
        s3.delete_bucket(Bucket=self.bucket)

    # What is there. Each resource that the template does not name has the stack's name and a hyphen first.

    def _tables(self) -> list[str]:
        listed = self.aws.pages("dynamodb", "list_tables", "TableNames")
        return [table for table in listed if table.startswith(f"{self.name}-")]

    def _queues(self) -> list[str]:
        return list(self.aws.pages("sqs", "list_queues", "QueueUrls", QueueNamePrefix=f"{self.name}-"))

    def _log_groups(self) -> list[str]:
        prefixes = [f"/aws/lambda/{self.name}/", f"/aws/vendedlogs/{self.name}/", f"/aws/lambda/{self.name}-"]
        return [
            group["logGroupName"]
            for prefix in prefixes
            for group in self.aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=prefix)
        ]

    def _buckets(self) -> list[str]:
        listed = self.aws.client("s3").list_buckets()["Buckets"]
        return [bucket["Name"] for bucket in listed if bucket["Name"] == self.bucket]

    def _backups(self) -> list[str]:
        listed = self.aws.client("dynamodb").list_backups(BackupType="ALL")["BackupSummaries"]
        return [one["BackupName"] for one in listed if one["TableName"].startswith(f"{self.name}-")]

    def _named(self, service: str, operation: str, member: str, key: str, **given: Any) -> list[str]:
        listed = self.aws.pages(service, operation, member, **given)
        names = [str(one[key]) for one in listed]
        # CloudFormation cuts the name of the stack where the name of a resource would be too long.
        own = f"{self.name}-"[:24]
        return [
            name for name in names if (last := name.rsplit(":", 1)[-1]) == self.name or last.startswith(own)
        ]

    def leftovers(self) -> Iterator[str]:
        """Whatever there is of this stack, by name."""
        status: Callable[[], Iterable[str]] = lambda: filter(None, [self._status()])  # noqa: E731
        looks: list[tuple[str, Callable[[], Iterable[str]]]] = [
            (f"stack {self.name}, which is", status),
            ("table", self._tables),
            ("backup of a table", self._backups),
            ("queue", self._queues),
            ("log group", self._log_groups),
            ("bucket", self._buckets),
            ("function", lambda: self._named("lambda", "list_functions", "Functions", "FunctionName")),
            ("role", lambda: self._named("iam", "list_roles", "Roles", "RoleName")),
            ("topic", lambda: self._named("sns", "list_topics", "Topics", "TopicArn")),
            ("API", lambda: self._named("apigatewayv2", "get_apis", "Items", "Name")),
            ("alarm", lambda: self._named("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName")),
            (
                "dashboard",
                lambda: self._named("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
            ),
        ]
        for kind, look in looks:
            try:
                for name in look():
                    yield f"{kind} {name}"
            except Exception as error:  # Not to know is something to say, too.
                yield f"{kind}: {UNSEEN} ({type(error).__name__}: {error})"

    def policies(self) -> set[str]:
        """The names of the account's resource policies for logs. API Gateway may add one when it first
        delivers an access log, and it is not the stack's."""
        listed = self.aws.client("logs").describe_resource_policies().get("resourcePolicies", [])
        return {str(one["policyName"]) for one in listed}
