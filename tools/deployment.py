"""Deploys template.yaml to an emulator of AWS, and looks at what came of it:

    deployment.py path/to/activities [path/to/built/functions]

The template is transformed as CloudFormation would do it (aws-sam-translator) and created on a moto
server. Each resource that moto knows is then asked for through its own service and compared with
the template; those that it does not know are named. The tool writes to the tables of the stack and
reads them back. With the folder of `sam build`, each function that was built is started as Lambda
would, with the variables that the stack gives it, answers its event, and is packed into a zip file
beside that folder. Nothing leaves this machine.
"""

import ast
import http.server
import io
import itertools
import json
import os
import platform
import queue
import re
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import boto3
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parent.parent
STACK = "activity-logs"
ARCHITECTURE = "x86_64" if platform.machine() == "x86_64" else "arm64"
ACCESS = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
# The one that the tokens in events/ are signed with.
SECRET = "local-development-only-not-a-secret"
PARAMETERS = {
    "JwtSecret": SECRET,
    "Stage": "prod",
    "AlarmEmail": "operator@example.com",
    "LedgerTableName": "the-ledger",
}
# What moto's CloudFormation leaves out. The tests in tests/contract/deployment.rs hold the routes,
# the permissions and the alarms against the functions; cfn-lint knows their schemas.
UNKNOWN = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::SNS::Subscription",
}
# Nor does it take over encryption, recovery and expiry of tables; the same tests look at those.


class NoManagedPolicies:
    """The template names none; one that it named would be asked for here."""

    def load(self):
        return {}


def check(condition, message):
    if not condition:
        sys.exit(f"template.yaml: {message}")


def same(found, expected, what):
    check(found == expected, f"{what} is {found!r}, not {expected!r}")


def evaluate(value, parameters):
    """The value of the condition functions that a rule is made of."""
    if not isinstance(value, dict):
        return value
    [(function, argument)] = value.items()
    if function == "Ref":
        return parameters[argument]
    arguments = [evaluate(one, parameters) for one in argument]
    return {
        "Fn::Equals": lambda: arguments[0] == arguments[1],
        "Fn::Not": lambda: not arguments[0],
        "Fn::And": lambda: all(arguments),
        "Fn::Or": lambda: any(arguments),
    }[function]()


def accepted(template, given):
    """Whether the rules of the template accept these parameters."""
    return all(
        evaluate(one["Assert"], given)
        for rule in template["Rules"].values()
        if evaluate(rule.get("RuleCondition", True), given)
        for one in rule["Assertions"]
    )


def check_parameters(template):
    names = ["JwtSecret", "JwtSecretPrevious", "JwtJwksUrl", "JwtIssuer", "JwtAudience"]
    for values in itertools.product(["", "given"], repeat=len(names)):
        given = dict(zip(names, values))
        secret, previous, url, issuer, audience = map(bool, values)
        wanted = secret != url and (issuer and audience or not url) and (secret or not previous)
        same(accepted(template, given), wanted, f"whether the rules accept {given}")
    for name, good, bad in [
        ("JwtSecret", ["", "x" * 32], ["x" * 31, " "]),
        ("JwtSecretPrevious", ["", "x" * 32], ["x" * 31, " "]),
        ("JwtJwksUrl", ["", "https://a.b/c"], ["http://a.b/c", "a", " ", "https://u:p@a.b/c"]),
        ("JwtUserIdClaim", ["sub", "https://a.b/id", "app.id", "expert"], ["", "user id", "a..b", ".a", "a.", "exp", "iat"]),
        ("JwtIssuer", ["", "https://a.b/", "https://a.b, https://c.d/"], [" ", ",", "a,", ",a", "a, ,b"]),
        ("JwtAudience", ["", "none", "a b", "a,b, c", "nonesuch,b"], [" ", ",", "a,", "a, ,b", "a,none", "none,a"]),
        ("CorsHeaders", ["authorization", "x-b3-traceid"], ["", "*", "Accept", "a b", "a:"]),
        ("CorsOrigins", ["*", "https://a.b", "http://localhost:3000"], ["", "a.b", "https://a.b/", "*.b"]),
        ("AlarmEmail", ["", "a@b.c"], ["a", "a@", "@b", "a b@c"]),
    ]:
        pattern = template["Parameters"][name]["AllowedPattern"]
        for value, wanted in [(value, True) for value in good] + [(value, False) for value in bad]:
            same(bool(re.search(pattern, value)), wanted, f"whether {name} may be {value!r}")
    for secret in ["JwtSecret", "JwtSecretPrevious"]:
        check(template["Parameters"][secret].get("NoEcho") is True, f"{secret} is shown")


def start_server():
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in server.stderr:
        if "Running on " in line:
            # It writes a line for each request, and a pipe that nobody reads would hold it.
            threading.Thread(target=lambda: [None for _ in server.stderr], daemon=True).start()
            return server, line.split("Running on ")[1].strip()
    sys.exit("the moto server does not start")


class Stack:
    """The stack as it was created, and the services to ask about it."""

    def __init__(self, endpoint, transformed):
        self.endpoint = endpoint
        self.declared = transformed["Resources"]
        formation = self.client("cloudformation")
        parameters = [{"ParameterKey": k, "ParameterValue": v} for k, v in PARAMETERS.items()]
        formation.create_stack(
            StackName=STACK,
            TemplateBody=json.dumps(transformed),
            Parameters=parameters,
            Capabilities=["CAPABILITY_IAM"],
        )
        [stack] = formation.describe_stacks(StackName=STACK)["Stacks"]
        same(stack["StackStatus"], "CREATE_COMPLETE", "the state of the stack")
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
        resources = formation.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
        self.created = {
            r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources if "LogicalResourceId" in r
        }

    def client(self, service):
        return boto3.client(service, endpoint_url=self.endpoint, **ACCESS)

    def of_type(self, kind):
        for name, resource in self.declared.items():
            if resource["Type"] == kind and name in self.created:
                yield name, resource.get("Properties", {}), self.created[name]


def check_tables(stack):
    dynamodb = stack.client("dynamodb")
    for name, declared, table in stack.of_type("AWS::DynamoDB::Table"):
        found = dynamodb.describe_table(TableName=table)["Table"]
        indexes = {i["IndexName"]: i for i in found.get("GlobalSecondaryIndexes", [])}
        for index in declared.get("GlobalSecondaryIndexes", []):
            made = indexes.pop(index["IndexName"])
            same(made["KeySchema"], index["KeySchema"], f"the key of {name}/{index['IndexName']}")
            same(made["Projection"], index["Projection"], f"what {name}/{index['IndexName']} holds")
        same(indexes, {}, f"more indexes of {name}")
        same(found["KeySchema"], declared["KeySchema"], f"the key of {name}")
        same(found["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST", f"billing of {name}")
        check(found["DeletionProtectionEnabled"], f"{name} can be deleted in prod")
    same(stack.created["LedgerTable"], PARAMETERS["LedgerTableName"], "the name of a table that is given one")


def check_tables_alone(stack):
    """What tables.py prints is a template of the same tables, under given names."""
    printed = subprocess.run([sys.executable, ROOT / "tools/tables.py"], capture_output=True, check=True).stdout
    names = {f"{table}TableName": f"restored-{table}" for table in ["Activities", "Directory", "Ledger"]}
    given = {"Stage": "prod"} | names
    formation = stack.client("cloudformation")
    formation.create_stack(
        StackName="restored",
        TemplateBody=printed.decode(),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
    )
    for name, declared in json.loads(printed)["Resources"].items():
        same(declared, stack.declared[name], f"{name} of tables.py")
        resource = formation.describe_stack_resource(StackName="restored", LogicalResourceId=name)
        found = resource["StackResourceDetail"]["PhysicalResourceId"]
        same(found, names[f"{name}Name"], f"the name of {name}")


def check_functions(stack):
    functions, iam = stack.client("lambda"), stack.client("iam")
    for name, declared, function in stack.of_type("AWS::Lambda::Function"):
        found = functions.get_function_configuration(FunctionName=function)
        for member in ["Runtime", "Handler", "Timeout", "MemorySize"]:
            same(found[member], declared[member], f"{member} of {name}")
        variables = found["Environment"]["Variables"]
        is_viewer, is_recorder = name == "ViewerFunction", name == "RecordActivitiesFunction"
        for table in ["Activities", "Directory", "Ledger"]:
            wanted = None if is_viewer else stack.created[f"{table}Table"]
            same(variables.get(f"{table.upper()}_TABLE"), wanted, f"a table of {name}")
        same("JWT_SECRET" in variables, not is_recorder and not is_viewer, f"a secret of {name}")
        dead = stack.created["RecordDeadLetterQueue"] if is_recorder else None
        same(variables.get("DEAD_LETTER_QUEUE_URL"), dead, f"the dead-letter queue of {name}")
        role = found["Role"].rsplit("/", 1)[1]
        same(iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"], [], f"policies of {name}")
        [policy] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        # moto gives the text of a Python object, where IAM gives a JSON document.
        document = ast.literal_eval(iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"])
        for statement in document["Statement"]:
            if not statement["Action"][0].startswith("xray:"):
                for resource in statement["Resource"]:
                    check(resource.startswith("arn:aws:"), f"{name} may reach {resource}")
    [source] = functions.list_event_source_mappings()["EventSourceMappings"]
    same(source["FunctionResponseTypes"], ["ReportBatchItemFailures"], "what the queue is told")
    same(source["BatchSize"], 10, "the size of a batch")
    same(int(source["ScalingConfig"]["MaximumConcurrency"]), 20, "how many batches are recorded at once")


def check_queues(stack):
    sqs = stack.client("sqs")

    def attributes(name):
        return sqs.get_queue_attributes(QueueUrl=stack.created[name], AttributeNames=["All"])["Attributes"]

    queue, dead = attributes("RecordQueue"), attributes("RecordDeadLetterQueue")
    same((queue["FifoQueue"], dead["FifoQueue"]), ("true", "true"), "the kind of the queues")
    same(queue["VisibilityTimeout"], "180", "the visibility timeout")
    redrive = json.loads(queue["RedrivePolicy"])
    same(redrive["deadLetterTargetArn"], dead["QueueArn"], "where dead letters go")
    same(queue["QueueArn"].rsplit(":", 1)[1], stack.outputs["RecordQueueName"], "the name of the queue")


def check_operations(stack):
    logs, topics = stack.client("logs"), stack.client("sns")
    kept = {g["logGroupName"]: g.get("retentionInDays") for g in logs.describe_log_groups()["logGroups"]}
    for name, _, group in stack.of_type("AWS::Logs::LogGroup"):
        same(kept.get(group), 30, f"how long {name} is kept")
    [topic] = topics.list_topics()["Topics"]
    same(topic["TopicArn"], stack.outputs["AlarmTopicArn"], "where alarms are announced")
    [dashboard] = stack.client("cloudwatch").list_dashboards()["DashboardEntries"]
    same(dashboard["DashboardName"], STACK, "the name of the dashboard")


def use(stack, tool):
    """Writes to the stack's tables with the tool, proves them, and reads them back."""
    environment = os.environ | {
        "AWS_ENDPOINT_URL_DYNAMODB": stack.endpoint,
        "AWS_REGION": ACCESS["region_name"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        **{f"{t.upper()}_TABLE": stack.outputs[f"{t}TableName"] for t in ["Activities", "Directory", "Ledger"]},
    }

    def run(*arguments):
        done = subprocess.run([tool, *arguments], env=environment, capture_output=True, text=True)
        check(done.returncode == 0, f"activities {arguments[0]}: {done.stderr}")
        return done.stdout

    sample = ROOT / "cli/sample.ndjson"
    run("import", str(sample))
    exported = run("export", "--user", "3")
    given = [json.loads(line) for line in sample.read_text().splitlines() if line]
    given = [one for one in given if one.get("userId", one["id"]) == 3]
    same(len(exported.splitlines()), len(given) + 1, "the number of lines exported")
    return run("verify").strip()


class RuntimeApi(http.server.BaseHTTPRequestHandler):
    """Lambda's side of a function: one event out, one answer in (AWS: "Lambda runtime API")."""

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.server.sent:
            # Lambda freezes a function that has nothing to do.
            self.server.done.wait()
            return
        self.server.sent = True
        headers = {
            "Lambda-Runtime-Aws-Request-Id": "8f507cfc-1c3e-4d1a-9c0b-6f7f5b3c2a10",
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 20_000),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:f",
            "Lambda-Runtime-Trace-Id": "Root=1-65a50a88-0f2b3c4d5e6f708192a3b4c5;Sampled=0",
        }
        self.reply(200, self.server.event, headers.items())

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.answers.put((self.path.rsplit("/", 1)[1], body, time.monotonic()))
        self.reply(202)


def start_artifact(stack, bootstrap, function, event):
    """What a function that was built answers to its event, what it wrote, and what that took."""
    api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
    api.daemon_threads = True
    api.sent, api.event, api.answers, api.done = False, event, queue.Queue(), threading.Event()
    threading.Thread(target=api.serve_forever, daemon=True).start()
    given = stack.client("lambda").get_function_configuration(FunctionName=function)
    environment = {name: str(value) for name, value in given["Environment"]["Variables"].items()} | {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(given["MemorySize"]),
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_REGION": ACCESS["region_name"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL_DYNAMODB": stack.endpoint,
    }
    started = time.monotonic()
    process = subprocess.Popen([bootstrap], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        kind, body, answered = api.answers.get(timeout=30)
    except queue.Empty:
        process.kill()
        sys.exit(f"{bootstrap} does not answer: {process.stdout.read().decode()}")
    memory = int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1])
    process.kill()
    api.done.set()
    written = process.stdout.read().decode()
    same(kind, "response", f"the answer of {bootstrap}: {body}, {written}")
    return json.loads(body), written, (answered - started) * 1000, memory / 1024


def pack(bootstrap, archive):
    """The zip file that Lambda takes; the same bytes for the same function."""
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3  # Unix, so that the mode counts
    entry.external_attr = 0o755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(entry, bootstrap.read_bytes(), compresslevel=9)


def check_artifacts(stack, build):
    zips = build.parent / "zips"
    zips.mkdir(exist_ok=True)
    for name, declared, function in stack.of_type("AWS::Lambda::Function"):
        bootstrap = build / name / "bootstrap"
        check(bootstrap.is_file(), f"{bootstrap} is not built")
        binary = stack.binaries[name]
        event = (ROOT / "events" / f"{binary}.json").read_bytes()
        answer, written, milliseconds, megabytes = start_artifact(stack, bootstrap, function, event)
        if "statusCode" in answer:
            same(answer["statusCode"], 200, f"what {binary} answers: {answer}")
        else:
            same(answer, {"batchItemFailures": []}, f"what {binary} answers")
        lines = [json.loads(line) for line in written.splitlines()]
        told = [line for line in lines if line.get("function") == binary]
        same(len(told), 1, f"how many lines {binary} wrote of its event: {written}")
        # Nobody is known to have called the viewer, and it takes next to nothing.
        same("_aws" in told[0], binary != "viewer", f"whether {binary} writes metrics")
        check(not any(line.get("level") in ["WARN", "ERROR"] for line in lines), f"{binary}: {written}")
        size = bootstrap.stat().st_size / 1e6
        print(
            f"  {binary}: {size:.1f} MB, first answer after {milliseconds:.0f} ms, "
            f"{megabytes:.1f} MB of memory; {told[0]['roundTrips']} round trips"
        )
        pack(bootstrap, zips / f"{binary}-{ARCHITECTURE}.zip")


def template_with_code():
    """template.yaml, with some code for its functions: `sam deploy` uploads theirs and writes down where."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": "code", "Key": "bootstrap.zip"}
    return template


def main():
    template = template_with_code()
    check_parameters(template)
    os.environ.setdefault("AWS_DEFAULT_REGION", ACCESS["region_name"])
    functions = {n: r for n, r in template["Resources"].items() if r["Type"].endswith("::Function")}
    binaries = {n: r["Metadata"]["BuildProperties"]["Binary"] for n, r in functions.items()}
    transformed = transform(template, {}, NoManagedPolicies())
    server, endpoint = start_server()
    try:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as code:
            code.writestr("bootstrap", "")
        s3 = boto3.client("s3", endpoint_url=endpoint, **ACCESS)
        s3.create_bucket(Bucket="code")
        s3.put_object(Bucket="code", Key="bootstrap.zip", Body=archive.getvalue())

        stack = Stack(endpoint, transformed)
        stack.binaries = binaries
        missing = {n: r["Type"] for n, r in stack.declared.items() if n not in stack.created}
        unexpected = {name: kind for name, kind in missing.items() if kind not in UNKNOWN}
        same(unexpected, {}, "what was not created")
        check_tables(stack)
        check_tables_alone(stack)
        check_functions(stack)
        check_queues(stack)
        check_operations(stack)
        proven = use(stack, sys.argv[1])
        created = len(stack.declared) - len(missing)
        print(f"template.yaml: {created} of {len(stack.declared)} resources created on moto")
        for kind in sorted(set(missing.values())):
            print(f"  unknown to it: {list(missing.values()).count(kind)} {kind}")
        print(f"  its tables, written and read: {proven}")
        if len(sys.argv) > 2:
            check_artifacts(stack, Path(sys.argv[2]))
    finally:
        server.kill()


if __name__ == "__main__":
    main()
