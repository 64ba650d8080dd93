//! template.yaml against the workspace: what is deployed is what is built, and may do what it does.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use activity_log::api::routes::{GET_ACTIVITY, LIST_ACTIVITIES, ROUTES};
use activity_log::api::{Route, viewer};
use activity_log::auth::TokenError;
use activity_log::config;
use activity_log::store::{INDEXES, PageRequest, SORT_KEY, Usage};
use activity_log::telemetry::{RecordedBatch, Work};
use activity_log_local::faults::{Faults, WRITE};
use activity_log_local::kit::{TEMPLATE, permissions, template, whole};
use activity_log_local::template::{Key, tables};
use serde_json::{Value, json};

use crate::support::{Fixture, LIST, event_of};

/// The function that no path leads to.
const RECORDER: &str = "record-activities";

fn members(value: &Value) -> BTreeSet<String> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// The functions of the template, by the binary that each runs.
fn functions(template: &Value) -> BTreeMap<String, Value> {
    let resources = template["Resources"].as_object().unwrap();
    let functions =
        resources.values().filter(|resource| resource["Type"] == "AWS::Serverless::Function");
    let by_binary = functions.map(|function| {
        let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap();
        // Built in its own folder, a function has no feature that only the tools and tests turn on.
        assert_eq!(function["Properties"]["CodeUri"], format!("functions/{binary}"));
        (binary.to_owned(), function["Properties"].clone())
    });
    by_binary.collect()
}

/// What a function may do with which table or index.
fn allowed(binary: &str) -> BTreeSet<(String, String)> {
    let function = &functions(&template())[binary];
    let role = function["Role"].as_str().unwrap().strip_suffix(".Arn").unwrap();
    permissions(role)
}

fn names_in(folder: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let files = std::fs::read_dir(root.join(folder)).unwrap().map(|file| file.unwrap().path());
    files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn routes_functions_router_and_events_are_the_same_everywhere() {
    let template = template();
    let functions = functions(&template);
    let mut deployed = BTreeSet::from([RECORDER.to_owned()]);
    let mut router = serde_json::Map::new();
    let read = ROUTES.map(|route| (route.function, vec![("Request", route.path)]));
    let pages = vec![("File", viewer::FILE_PATH), ("Page", viewer::PAGE_PATH)];
    let served = read.into_iter().chain([(viewer::FUNCTION, pages)]);
    for (function, paths) in served {
        let events = functions[function]["Events"].as_object().unwrap();
        assert_eq!(events.len(), paths.len());
        for (name, path) in &paths {
            assert_eq!(events[*name]["Type"], "HttpApi");
            let request = &events[*name]["Properties"];
            assert_eq!(request["ApiId"], "HttpApi");
            assert_eq!((&request["Method"], &request["Path"]), (&json!("ANY"), &json!(path)));
            router.insert((*path).to_owned(), function.into());
        }
        let event: Value = serde_json::from_str(&event_of(function)).unwrap();
        assert!(paths.iter().any(|(_, path)| event["routeKey"] == format!("ANY {path}")));
        deployed.insert(function.to_owned());
    }
    assert_eq!(deployed.len(), ROUTES.len() + 2);
    assert_eq!(functions.keys().cloned().collect::<BTreeSet<_>>(), deployed);
    assert_eq!(names_in("functions"), deployed);
    assert_eq!(names_in("events"), deployed);

    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    assert_eq!(metadata["metadata"]["lambda"]["watch"]["router"], Value::Object(router));
}

#[test]
fn every_index_is_of_a_kind_of_scope_and_holds_what_its_pages_need() {
    let tables = tables(TEMPLATE).unwrap();
    let keys = |keys: &[Key], kind| {
        let named = keys.iter().filter(|key| key.key_type == kind);
        named.map(|key| key.attribute_name.clone()).collect::<Vec<_>>()
    };
    let mut declared = tables["ActivitiesTable"].global_secondary_indexes.iter();
    for index in &INDEXES {
        let found = declared.next().unwrap();
        assert_eq!(found.index_name, index.name);
        assert_eq!(keys(&found.key_schema, "HASH"), index.partition_key, "{}", index.name);
        assert_eq!(keys(&found.key_schema, "RANGE"), SORT_KEY, "{}", index.name);
        let kind = if index.is_whole() { "ALL" } else { "INCLUDE" };
        let names = |held: &[&str]| held.iter().map(|name| (*name).to_owned()).collect();
        let attributes: Option<Vec<String>> = index.holds.map(names);
        assert_eq!(found.projection.projection_type, kind, "{}", index.name);
        assert_eq!(found.projection.non_key_attributes, attributes, "{}", index.name);
    }
    assert!(declared.next().is_none());
}

#[test]
fn no_table_is_lost_with_its_stack_or_by_a_mistake() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let tables: Vec<_> = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::DynamoDB::Table")
        .collect();
    assert_eq!(tables.len(), 3);
    for (name, table) in tables {
        assert_eq!(table["DeletionPolicy"], "RetainExceptOnCreate", "{name}");
        assert_eq!(table["UpdateReplacePolicy"], "Retain", "{name}");
        let properties = &table["Properties"];
        let recovery = &properties["PointInTimeRecoverySpecification"];
        assert_eq!(recovery["PointInTimeRecoveryEnabled"], true, "{name}");
        assert_eq!(properties["SSESpecification"]["SSEEnabled"], true, "{name}");
        let protected = json!(["IsProduction", true, false]);
        assert_eq!(properties["DeletionProtectionEnabled"], protected, "{name}");
        // Idempotency keys expire, and nothing else.
        let expiry = &properties["TimeToLiveSpecification"]["AttributeName"];
        assert_eq!(expiry == "expiresAt", name == "LedgerTable", "{name}");
    }
}

/// What API Gateway puts in place of a variable of its access log.
fn logged(variable: &str) -> &'static str {
    match variable {
        "error.messageString" => "\"Too Many Requests\"",
        _ => "-",
    }
}

#[test]
fn the_access_log_is_json_without_what_the_caller_sent() {
    let api = &template()["Resources"]["HttpApi"]["Properties"];
    let format = api["AccessLogSettings"]["Format"].as_str().unwrap();
    let mut line = String::new();
    let mut variables = BTreeSet::new();
    for (number, part) in format.split("$context.").enumerate() {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
        let end = part.find(|letter| !is_name(letter)).unwrap_or(part.len());
        let (variable, rest) = if number == 0 { ("", part) } else { part.split_at(end) };
        if number > 0 {
            variables.insert(variable);
            line.push_str(logged(variable));
        }
        line.push_str(rest);
    }
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line.as_object().unwrap().len(), variables.len(), "{line}");
    for needed in ["requestId", "routeKey", "status", "responseLatency", "integrationErrorMessage"]
    {
        assert!(variables.contains(needed), "{needed}");
    }
    for told in ["path", "authorizer", "querystring", "sourceIp"] {
        assert!(!format.contains(told), "{told}");
    }
    let throttled = &api["DefaultRouteSettings"];
    assert_eq!(throttled["ThrottlingRateLimit"], "RequestsPerSecond");
    assert_eq!(throttled["ThrottlingBurstLimit"], "RequestBurst");
    let cors = &api["CorsConfiguration"];
    assert_eq!(cors["AllowOrigins"], "CorsOrigins");
    assert_eq!(cors["AllowMethods"], json!(["GET", "HEAD"]));
    assert_eq!(cors["AllowHeaders"], "CorsHeaders");
    let template = template();
    let allowed = template["Parameters"]["CorsHeaders"]["Default"].as_str().unwrap();
    let allowed: BTreeSet<&str> = allowed.split(',').collect();
    for asked in
        ["accept", "authorization", "if-none-match", "content-type", "traceparent", "sentry-trace"]
    {
        assert!(allowed.contains(asked), "{asked}");
    }
}

#[test]
fn every_variable_that_a_function_reads_is_set_and_no_other() {
    let template = template();
    let shared = members(&template["Globals"]["Function"]["Environment"]["Variables"]);
    for (binary, function) in functions(&template) {
        let asked = RefCell::new(BTreeSet::new());
        let variable = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            Some("0123456789abcdef0123456789abcdef".to_owned())
        };
        let _ = config::telemetry(&variable);
        if binary != viewer::FUNCTION {
            config::tables(&variable).unwrap();
        }
        if binary == RECORDER {
            assert!(config::dead_letter_queue(&variable).is_some());
        } else if binary != viewer::FUNCTION {
            // Two sources of keys are refused, once both are read; and so are these other values.
            let seconds = |name: &str| variable(name).filter(|_| name != "JWT_LEEWAY_SECONDS");
            assert!(config::verifier(&seconds).is_err());
            assert!(config::path_parameters(&variable).is_err());
        }
        let own = members(&function["Environment"]["Variables"]);
        let set: BTreeSet<_> = shared.union(&own).cloned().collect();
        assert_eq!(set, asked.into_inner(), "{binary}");
        // Each is what it is called; the tables of the stack have no names of their own.
        let shared = &template["Globals"]["Function"]["Environment"]["Variables"];
        for (name, value) in [shared, &function["Environment"]["Variables"]]
            .into_iter()
            .flat_map(|variables| variables.as_object().into_iter().flatten())
        {
            let expected = match name.as_str() {
                "METRICS_NAMESPACE" => "ActivityLogs/${AWS::StackName}".to_owned(),
                "PATH_PARAMETERS" => "decoded".to_owned(),
                "DEAD_LETTER_QUEUE_URL" => "RecordDeadLetterQueue".to_owned(),
                name => pascal_case(name),
            };
            assert_eq!(value, &expected, "{binary}: {name}");
        }
    }
}

/// `JWT_USER_ID_CLAIM` as `JwtUserIdClaim`.
fn pascal_case(name: &str) -> String {
    let words = name.split('_').map(|word| word[..1].to_owned() + &word[1..].to_lowercase());
    words.collect()
}

/// Whether a route answers with pages.
async fn is_list(fixture: &Fixture, route: &Route) -> bool {
    let response = fixture.send(&event_of(route.function), |_| {}).await;
    response.body.get("pagination").is_some()
}

/// Requests of each function that make it do all it can.
async fn exercise(fixture: &Fixture, route: &Route) {
    fixture.api.store.warm_up(2).await.unwrap();
    if route.path == GET_ACTIVITY.path {
        for id in ["1", "3", "999"] {
            fixture.get(id).await;
        }
    }
    if !is_list(fixture, route).await {
        return;
    }
    let mut filters = Vec::new();
    for facets in
        ["", "&action=invoke", "&resourceType=function", "&action=invoke&resourceType=function"]
    {
        for range in ["", "&since=2024-01-01T00:00:00Z"] {
            filters.push(format!("{facets}{range}"));
        }
    }
    let scopes: &[&str] = if route.path == LIST_ACTIVITIES.path {
        &["", "&projectSlug=my-project", "&projectSlug=my-project&environmentSlug=production"]
    } else {
        &[""]
    };
    let event = event_of(route.function);
    let list = async |query: &str| {
        let response = fixture.send(&event, |event| event["rawQueryString"] = query.into()).await;
        let lines = fixture.written.take();
        assert_eq!(response.status, 200, "{query}: {lines:?}");
        response
    };
    for scope in scopes {
        for filter in &filters {
            list(&format!("limit=5&offset=110{scope}{filter}")).await;
            let first = list(&format!("limit=5{scope}{filter}")).await;
            let cursor = first.next().unwrap();
            list(&format!("limit=5&cursor={cursor}{scope}{filter}")).await;
            let all = list(&format!("limit=500&order=asc{scope}{filter}")).await;
            let cursor = all.pagination()["resumeCursor"].as_str().unwrap();
            list(&format!("order=asc&cursor={cursor}{scope}{filter}")).await;
            list(&format!("limit=0&include=facets,histogram{scope}{filter}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_may_make_the_calls_that_it_makes_and_no_other() {
    let mut fixture = Fixture::new().await;
    fixture.record(260).await;
    let newest = PageRequest::newest(whole(3), 1);
    let newest = fixture.api.store.page(&newest).await.unwrap().activities[0].id.get();
    for route in ROUTES {
        let faults = Faults::new(9);
        fixture.api.store = faults.store(&fixture.engine.endpoint());
        exercise(&fixture, route).await;
        // An index that lags, and a body that does not come at first.
        if is_list(&fixture, route).await {
            faults.hide([newest], u32::MAX);
            exercise(&fixture, route).await;
            faults.hide_body(newest, 1);
            exercise(&fixture, route).await;
        }
        assert_eq!(faults.actions(), allowed(route.function), "{route:?}");
    }
    assert_eq!(allowed(viewer::FUNCTION), BTreeSet::new());
}

#[test]
fn reading_functions_cannot_write_and_none_can_scan_or_do_anything_everywhere() {
    let template = template();
    for (binary, function) in functions(&template) {
        let role = function["Role"].as_str().unwrap().strip_suffix(".Arn").unwrap();
        let properties = &template["Resources"][role]["Properties"];
        assert_eq!(properties.get("ManagedPolicyArns"), None, "{binary}");
        assert_eq!(function.get("Policies"), None, "{binary}");
        let policies = properties["Policies"].as_array().unwrap();
        assert_eq!(policies.len(), 1, "{binary}");
        let log_group = function["LoggingConfig"]["LogGroup"].as_str().unwrap();
        let mut others = Vec::new();
        for statement in policies[0]["PolicyDocument"]["Statement"].as_array().unwrap() {
            assert_eq!(statement["Effect"], "Allow", "{binary}");
            let actions = statement["Action"].as_array().unwrap();
            if !actions[0].as_str().unwrap().starts_with("dynamodb:") {
                others.push(json!([actions, statement["Resource"]]));
                continue;
            }
            for action in actions.iter().map(|action| action.as_str().unwrap()) {
                let reads = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"];
                let allowed =
                    reads.contains(&action) || (binary == RECORDER && action == "dynamodb:PutItem");
                assert!(allowed, "{binary}: {action}");
            }
            for resource in statement["Resource"].as_array().unwrap() {
                let resource = resource.as_str().unwrap();
                assert!(resource.contains("Table.Arn"), "{binary}: {resource}");
            }
        }
        // Besides the tables: its messages, its log, and traces, which have nothing narrower. The
        // viewer has its log alone.
        let messages = [
            json!([
                ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
                ["RecordQueue.Arn"]
            ]),
            json!([["sqs:SendMessage"], ["RecordDeadLetterQueue.Arn"]]),
        ];
        let log =
            json!([["logs:CreateLogStream", "logs:PutLogEvents"], [format!("{log_group}.Arn")]]);
        let traces = json!([["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"]);
        let messages = messages.into_iter().filter(|_| binary == RECORDER);
        let is_traced = function.get("Tracing") != Some(&json!("PassThrough"));
        assert_eq!(is_traced, binary != viewer::FUNCTION, "{binary}");
        let traces = is_traced.then_some(traces);
        assert_eq!(others, messages.chain([log]).chain(traces).collect::<Vec<_>>());
        let retention = &template["Resources"][log_group]["Properties"]["RetentionInDays"];
        assert_eq!(retention, "LogRetentionDays", "{binary}");
    }
}

/// What an alarm watches: metric, statistic and the values of the dimensions, by their names.
type Watched = BTreeSet<(String, String, Vec<(String, String)>)>;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn watched(alarm: &Value) -> Watched {
    let one = |metric: &Value, statistic: &Value| {
        let dimensions = metric["Dimensions"].as_array().unwrap();
        let dimensions = dimensions.iter().map(|one| (text(&one["Name"]), text(&one["Value"])));
        let name = format!("{}/{}", text(&metric["Namespace"]), text(&metric["MetricName"]));
        (name, text(statistic), dimensions.collect())
    };
    let Some(metrics) = alarm["Metrics"].as_array() else {
        let statistic = alarm.get("Statistic").or_else(|| alarm.get("ExtendedStatistic"));
        return BTreeSet::from([one(alarm, statistic.unwrap())]);
    };
    let metrics = metrics.iter().filter_map(|metric| metric.get("MetricStat"));
    metrics.map(|metric| one(&metric["Metric"], &metric["Stat"])).collect()
}

#[test]
fn alarms_watch_every_function_every_call_to_every_table_and_the_queues() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let of = |name: &str, statistic: &str, dimensions: &[(&str, &str)]| {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        (name.to_owned(), statistic.to_owned(), dimensions.iter().map(owned).collect::<Vec<_>>())
    };
    let api = [("ApiId", "HttpApi")];
    let mut expected = BTreeMap::from([
        (
            "ServerErrorsAlarm".to_owned(),
            Watched::from([
                of("AWS/ApiGateway/5xx", "Sum", &api),
                of("AWS/ApiGateway/Count", "Sum", &api),
            ]),
        ),
        (
            "QueueAgeAlarm".to_owned(),
            Watched::from([of(
                "AWS/SQS/ApproximateAgeOfOldestMessage",
                "Maximum",
                &[("QueueName", "RecordQueue.QueueName")],
            )]),
        ),
        (
            "DeadLettersAlarm".to_owned(),
            Watched::from([of(
                "AWS/SQS/ApproximateNumberOfMessagesVisible",
                "Maximum",
                &[("QueueName", "RecordDeadLetterQueue.QueueName")],
            )]),
        ),
    ]);
    for (name, _) in resources.iter().filter(|(_, one)| one["Type"] == "AWS::Serverless::Function")
    {
        let function = [("FunctionName", name.as_str())];
        let latency = format!("{}LatencyAlarm", name.strip_suffix("Function").unwrap());
        expected.insert(latency, [of("AWS/Lambda/Duration", "p99", &function)].into());
        for (alarm, metric) in
            [("FunctionErrorsAlarm", "Errors"), ("FunctionThrottlesAlarm", "Throttles")]
        {
            let watched = expected.entry(alarm.to_owned()).or_default();
            watched.insert(of(&format!("AWS/Lambda/{metric}"), "Sum", &function));
        }
    }
    for (action, resource) in functions(&template).keys().flat_map(|binary| allowed(binary)) {
        let table = resource.split('/').next().unwrap();
        // Puts are made in transactions only.
        let operation = if action == "PutItem" { WRITE } else { &action };
        let call = [("TableName", table), ("Operation", operation)];
        let throttles = if operation == "BatchGetItem" {
            // A batch that was throttled in part is no throttled request.
            of("AWS/DynamoDB/ReadThrottleEvents", "Sum", &call[..1])
        } else {
            of("AWS/DynamoDB/ThrottledRequests", "Sum", &call)
        };
        expected.entry("TableThrottlesAlarm".to_owned()).or_default().insert(throttles);
        let errors = of("AWS/DynamoDB/SystemErrors", "Sum", &call);
        expected.entry("TableErrorsAlarm".to_owned()).or_default().insert(errors);
    }
    let mut found = BTreeMap::new();
    for (name, alarm) in resources.iter().filter(|(_, one)| one["Type"] == "AWS::CloudWatch::Alarm")
    {
        let alarm = &alarm["Properties"];
        for announced in ["AlarmActions", "OKActions"] {
            assert_eq!(alarm[announced], json!(["AlarmTopic"]), "{name}");
        }
        assert_eq!(alarm["TreatMissingData"], "notBreaching", "{name}");
        assert_eq!(alarm["ComparisonOperator"], "GreaterThanThreshold", "{name}");
        // One that watches several metrics adds them up, but for the one that divides.
        if let Some(metrics) = alarm["Metrics"].as_array() {
            let shown = |metric: &&Value| metric.get("ReturnData") != Some(&json!(false));
            let shown: Vec<_> =
                metrics.iter().filter(shown).map(|one| &one["Expression"]).collect();
            let expression = match name.as_str() {
                "ServerErrorsAlarm" => "IF(errors > 2, 100 * errors / requests, 0)",
                _ => "SUM(METRICS())",
            };
            assert_eq!(shown, [expression], "{name}");
        }
        found.insert(name.clone(), watched(alarm));
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_dashboard_shows_metrics_that_are_written() {
    let template = template();
    let fixture = Fixture::new().await;
    for route in ROUTES {
        fixture.send(&event_of(route.function), |_| {}).await;
    }
    fixture.send(LIST, |event| event["headers"]["authorization"] = "x".into()).await;
    fixture.api.telemetry.batch(&RecordedBatch {
        function: RECORDER,
        request_id: "7c1e6a6b",
        messages: 1,
        appends: 1,
        repeated: 0,
        altered: 0,
        repairs: BTreeMap::new(),
        reused_keys: 0,
        ignored: BTreeSet::new(),
        rejected: 0,
        postponed: 0,
        work: Work::new(Usage::default(), Instant::now()),
    });
    let mut written = BTreeSet::new();
    for line in fixture.written.take() {
        let line: Value = serde_json::from_str(&line).unwrap();
        for set in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            let dimension = set["Dimensions"][0][0].as_str().unwrap();
            for metric in set["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap().to_owned();
                let value = line[dimension].as_str().unwrap().to_owned();
                written.insert((name, dimension.to_owned(), value));
            }
        }
    }
    // Those of other reasons are written in the same way.
    let reasons = TokenError::ALL.map(|error| ("authFailures".to_owned(), error.reason()));
    written.extend(reasons.map(|(name, reason)| (name, "reason".into(), reason.into())));

    let dashboard =
        template["Resources"]["Dashboard"]["Properties"]["DashboardBody"].as_str().unwrap();
    let dashboard: Value = serde_json::from_str(dashboard).unwrap();
    let mut shown = BTreeSet::new();
    for widget in dashboard["widgets"].as_array().unwrap() {
        let mut last: Vec<String> = Vec::new();
        let metrics = widget["properties"]["metrics"].as_array().unwrap();
        for metric in metrics.iter().filter(|metric| metric[0].is_string()) {
            let parts = metric.as_array().unwrap().iter().filter_map(Value::as_str).enumerate();
            let parts: Vec<String> = parts
                .map(|(at, part)| if part == "." { last[at].clone() } else { part.to_owned() })
                .collect();
            if parts[0].starts_with("ActivityLogs/") {
                shown.insert((parts[1].clone(), parts[2].clone(), parts[3].clone()));
            }
            last = parts;
        }
    }
    assert!(shown.len() > 10, "{shown:?}");
    let missing: Vec<_> = shown.difference(&written).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
