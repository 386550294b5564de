"""What the templates promise: least privilege, nothing lost, nothing in the clear, nothing kept for ever."""

import re
from pathlib import Path
from typing import Any

import pytest

from infra.constructs.media_service import MEDIA_NEEDS
from infra.resources import API_RESOURCES, NODE_GATEWAY, WORKERS, Need
from infra.stacks.data import INDEXES
from tests.infrastructure.conftest import Templates

pytestmark = pytest.mark.timeout(240)

ROWS = [*API_RESOURCES, *WORKERS]
WITHOUT_RESOURCE = {
    "xray:PutTelemetryRecords": "X-Ray has no resources",
    "xray:PutTraceSegments": "X-Ray has no resources",
    "ec2:CreateNetworkInterface": "Lambda's managed policy for functions in a network",
    "dynamodb:ListStreams": "lists the streams of an account; CDK grants it to a stream's reader",
    "ecr:GetAuthorizationToken": "a token is for a registry, not a repository",
    "logs:CreateLogDelivery": "vended log delivery of a state machine: no resource types exist",
    "logs:GetLogDelivery": "as above",
    "logs:UpdateLogDelivery": "as above",
    "logs:DeleteLogDelivery": "as above",
    "logs:ListLogDeliveries": "as above",
    "logs:PutResourcePolicy": "as above",
    "logs:DescribeResourcePolicies": "as above",
    "logs:DescribeLogGroups": "as above",
    "xray:GetSamplingRules": "X-Ray has no resources",
    "xray:GetSamplingTargets": "X-Ray has no resources",
}
"""Actions AWS offers no resource for, each with why it may be granted on `*`."""


def function_named(templates: Templates, name: str) -> tuple[str, dict[str, Any]]:
    wanted = f"sovereign-{'embedded' if 'embedded' in templates.folder.name else 'dev'}-{name.replace('_', '-')}"
    functions = templates.of_type("AWS::Lambda::Function")
    return next((k, v) for k, v in functions.items() if v["Properties"].get("FunctionName") == wanted)


def statements_of(templates: Templates, role: str) -> list[dict[str, Any]]:
    found = []
    for policy in templates.of_type("AWS::IAM::Policy").values():
        if {"Ref": role} in policy["Properties"]["Roles"]:
            found += policy["Properties"]["PolicyDocument"]["Statement"]
    return found


def actions_of(templates: Templates, role: str) -> set[str]:
    found: set[str] = set()
    for statement in statements_of(templates, role):
        action = statement["Action"]
        found |= {action} if isinstance(action, str) else {*action}
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row_has_one_function_with_its_own_code_and_role(embedded: Templates, row: Any) -> None:
    _, function = function_named(embedded, row.name)
    properties = function["Properties"]
    assert properties["Handler"] == f"functions.{row.name}.handler.handler"
    assert properties["MemorySize"] == row.memory_mb
    assert len(properties["Layers"]) == 2
    code = embedded.asset_of(function)
    assert (code / "functions" / "__init__.py").is_file()
    assert [entry.name for entry in (code / "functions").iterdir() if entry.is_dir()] == [row.name]


def test_there_is_no_function_without_a_row(embedded: Templates) -> None:
    handlers = {f["Properties"]["Handler"] for f in embedded.of_type("AWS::Lambda::Function").values()}
    ours = {f"functions.{row.name}.handler.handler" for row in ROWS}
    assert {handler for handler in handlers if handler.startswith("functions.")} == ours


SIGNS = {
    Need.TABLE: "dynamodb:PutItem",
    Need.ENCRYPTION: "kms:GenerateDataKey",
    Need.BUS: "events:PutEvents",
    Need.NODE_GATEWAY: "lambda:InvokeFunction",
    Need.RECORDINGS_FINISH: "s3:AbortMultipartUpload",
    Need.RECORDINGS_DELETE: "s3:DeleteObject*",
    Need.API_URL: "ssm:GetParameter",
    Need.ORGANIZATION_KEYS_WRITE: "secretsmanager:PutSecretValue",
}
"""An action that shows that a need was granted, and only to the rows that have it."""
READERS = {Need.RECORDINGS_READ, Need.RECORDINGS_FINISH, Need.IMPORTS_OFFER, Need.IMPORTS_WORK}
"""Who may fetch objects."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_function_is_granted_what_its_row_says_and_no_more(embedded: Templates, row: Any) -> None:
    _, function = function_named(embedded, row.name)
    actions = actions_of(embedded, function["Properties"]["Role"]["Fn::GetAtt"][0])
    for need, action in SIGNS.items():
        assert (action in actions) == (need in row.needs), f"{row.name}: {need}"
    assert ("secretsmanager:GetSecretValue" in actions) == bool(
        row.needs & {Need.SIGNING_SECRET, Need.CONTROL_SECRET, Need.PLATFORM_KEYS, Need.ORGANIZATION_KEYS}
    )
    assert ("s3:GetObject" in actions) == bool(row.needs & READERS)
    assert "dynamodb:Scan" not in actions


def test_no_policy_has_a_wildcard_without_a_reason(dev: Templates) -> None:
    for stack, name, resource in dev.everything():
        if resource["Type"] != "AWS::IAM::Policy":
            continue
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            action = statement["Action"]
            actions = [action] if isinstance(action, str) else action
            assert "*" not in actions, f"{stack}/{name}"
            if statement["Resource"] == "*":
                assert {*actions} <= WITHOUT_RESOURCE.keys(), f"{stack}/{name}: {actions} on everything"


def test_queue_has_dead_letters_or_is_where_they_go(dev: Templates) -> None:
    queues = dev.of_type("AWS::SQS::Queue")
    with_dead_letters = {name for name, queue in queues.items() if "RedrivePolicy" in queue["Properties"]}
    used = re.findall(r'"Fn::GetAtt": \["(\w+)", "Arn"\]', str(queues).replace("'", '"'))
    ends = {name for name in queues if name not in with_dead_letters}
    assert with_dead_letters
    for name in ends:
        assert name in used or name.startswith(("FailedRecords", "FailedTriggers")), name
        assert queues[name]["Properties"]["MessageRetentionPeriod"] == 14 * 86400, name
    for name, queue in queues.items():
        assert queue["Properties"]["SqsManagedSseEnabled"] is True, name


def test_queue_waits_six_times_as_long_as_its_function(dev: Templates) -> None:
    queues = {n: q for n, q in dev.of_type("AWS::SQS::Queue").items() if "RedrivePolicy" in q["Properties"]}
    for name, consumer in (("Deliveries", "deliver_webhook"), ("Notifications", "send_notification")):
        (queue,) = (q for n, q in queues.items() if n.startswith(name))
        _, function = function_named(dev, consumer)
        assert queue["Properties"]["VisibilityTimeout"] >= 6 * function["Properties"]["Timeout"], name


def test_reports_reach_the_mails_through_a_queue_of_their_own(dev: Templates) -> None:
    (rule,) = (r for n, r in dev.of_type("AWS::Events::Rule").items() if n.startswith("CallReported"))
    assert rule["Properties"]["EventPattern"] == {"source": ["sovereign.calls"], "detail-type": ["call.reported"]}
    (target,) = rule["Properties"]["Targets"]
    assert "Notifications" in str(target["Arn"])
    _, function = function_named(dev, "send_notification")
    variables = function["Properties"]["Environment"]["Variables"]
    assert "Notifications" in str(variables["NOTIFICATION_QUEUE_URL"])
    assert "NotificationsDeadLetters" in str(variables["NOTIFICATION_DEAD_LETTER_QUEUE_URL"])
    mappings = [m["Properties"] for m in dev.of_type("AWS::Lambda::EventSourceMapping").values()]
    (mailing,) = (m for m in mappings if "Notifications" in str(m["EventSourceArn"]))
    assert mailing["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mailing["ScalingConfig"] == {"MaximumConcurrency": 5}, "Resend allows an account some requests a second"
    assert "SendNotificationLive" in str(mailing["FunctionName"])
    _, sweeper = function_named(dev, "on_table_change")
    assert "Notifications" in str(sweeper["Properties"]["Environment"]["Variables"]["NOTIFICATION_QUEUE_URL"])


def test_rule_and_schedule_targets_keep_what_they_could_not_hand_over(dev: Templates) -> None:
    rules = dev.of_type("AWS::Events::Rule")
    assert {name.rstrip("0123456789ABCDEF") for name in rules} >= {"CallFacts", "CallEnded"} or len(rules) == 2
    for name, rule in rules.items():
        for target in rule["Properties"]["Targets"]:
            assert "DeadLetterConfig" in target, name
            assert "Arn" in target
    for name, schedule in dev.of_type("AWS::Scheduler::Schedule").items():
        assert "DeadLetterConfig" in schedule["Properties"]["Target"], name


def test_rules_never_target_a_function(dev: Templates) -> None:
    for name, rule in dev.of_type("AWS::Events::Rule").items():
        for target in rule["Properties"]["Targets"]:
            assert "Function" not in str(target["Arn"]), f"{name}: a function gets one try, a queue keeps"


def test_stream_reader_bisects_gives_up_in_time_and_keeps_what_failed(dev: Templates) -> None:
    mappings = dev.of_type("AWS::Lambda::EventSourceMapping")
    stream = next(m["Properties"] for m in mappings.values() if "StartingPosition" in m["Properties"])
    assert stream["BisectBatchOnFunctionError"] is True
    assert 0 < stream["MaximumRecordAgeInSeconds"] < 24 * 3600
    assert "OnFailure" in stream["DestinationConfig"]
    assert "FACT#" in stream["FilterCriteria"]["Filters"][0]["Pattern"]
    queue = next(m["Properties"] for m in mappings.values() if "StartingPosition" not in m["Properties"])
    assert queue["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_table_matches_the_data_model(dev: Templates) -> None:
    (table,) = dev.of_type("AWS::DynamoDB::Table").values()
    properties = table["Properties"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    indexes = {
        index["IndexName"]: tuple(key["AttributeName"] for key in index["KeySchema"])
        for index in properties["GlobalSecondaryIndexes"]
    }
    assert indexes == {name: (partition, sort) for name, partition, sort in INDEXES}
    for index in properties["GlobalSecondaryIndexes"]:
        assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_what_holds_state_is_kept_when_its_stack_goes(dev: Templates) -> None:
    for kind in ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SecretsManager::Secret"):
        found = dev.of_type(kind)
        assert found
        assert {*found} == {*dev.of_type(kind, "data")}, f"{kind} outside the data stack"
        assert all(resource["DeletionPolicy"] == "Retain" for resource in found.values()), kind


def test_buckets_are_encrypted_and_private(dev: Templates) -> None:
    buckets = dev.of_type("AWS::S3::Bucket").values()
    assert len(buckets) == 2
    for bucket in buckets:
        rules = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rules[0]["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values())
    policies = dev.of_type("AWS::S3::BucketPolicy").values()
    assert len(policies) == 2
    assert all("aws:SecureTransport" in str(policy) for policy in policies)


def test_files_of_leads_are_forgotten_and_their_upload_is_heard_of(dev: Templates) -> None:
    name, bucket = next((n, b) for n, b in dev.of_type("AWS::S3::Bucket").items() if n.startswith("Imports"))
    properties = bucket["Properties"]
    days = {r["Prefix"]: r["ExpirationInDays"] for r in properties["LifecycleConfiguration"]["Rules"] if "Prefix" in r}
    assert days == {"uploads/": 1, "imports/": 30}
    assert properties["NotificationConfiguration"]["EventBridgeConfiguration"] == {"EventBridgeEnabled": True}
    rule = next(r["Properties"] for n, r in dev.of_type("AWS::Events::Rule").items() if n.startswith("Uploaded"))
    assert "EventBusName" not in rule, "S3 tells the account's default bus"
    pattern = rule["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == (["aws.s3"], ["Object Created"])
    assert name in str(pattern["detail"]["bucket"]["name"])
    assert pattern["detail"]["object"]["key"] == [{"prefix": "uploads/"}]


def test_routes_can_sign_uploads_and_error_files_and_nothing_else(dev: Templates) -> None:
    _, function = function_named(dev, "campaigns")
    statements = statements_of(dev, function["Properties"]["Role"]["Fn::GetAtt"][0])
    objects = {s["Action"]: str(s["Resource"]) for s in statements if str(s["Action"]).startswith("s3:")}
    assert "/uploads/*" in objects["s3:PutObject"]
    assert "/imports/*" in objects["s3:GetObject"]


def test_import_waits_six_times_as_long_as_its_function_and_takes_one_message(dev: Templates) -> None:
    queues = dev.of_type("AWS::SQS::Queue", "campaigns")
    queue = next(q for n, q in queues.items() if n.startswith("Imports") and "RedrivePolicy" in q["Properties"])
    _, function = function_named(dev, "import_leads")
    assert queue["Properties"]["VisibilityTimeout"] >= 6 * function["Properties"]["Timeout"]
    mappings = dev.of_type("AWS::Lambda::EventSourceMapping", "campaigns")
    mapping = next(m["Properties"] for n, m in mappings.items() if n.startswith("ImportLeads"))
    assert (mapping["BatchSize"], mapping["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])


def test_media_nodes_store_recordings_and_can_do_nothing_else_with_them(dev: Templates) -> None:
    (task,) = dev.of_type("AWS::ECS::TaskDefinition").values()
    actions = actions_of(dev, task["Properties"]["TaskRoleArn"]["Fn::GetAtt"][0])
    assert {action for action in actions if action.startswith("s3:")} == {"s3:PutObject"}
    variables = {entry["Name"] for entry in task["Properties"]["ContainerDefinitions"][0]["Environment"]}
    assert "RECORDINGS_BUCKET" in variables


def test_the_apis_address_is_published_under_the_name_the_functions_read(dev: Templates) -> None:
    (parameter,) = dev.of_type("AWS::SSM::Parameter").values()
    _, function = function_named(dev, "calls")
    name = function["Properties"]["Environment"]["Variables"]["API_URL_PARAMETER"]
    assert parameter["Properties"]["Name"] == name
    assert "/api/v1" in str(parameter["Properties"]["Value"])


def test_every_log_group_forgets(dev: Templates) -> None:
    groups = dev.of_type("AWS::Logs::LogGroup")
    assert len(groups) >= len(ROWS) + 2
    assert all(group["Properties"]["RetentionInDays"] == 30 for group in groups.values())
    for function in dev.of_type("AWS::Lambda::Function").values():
        if function["Properties"]["Handler"].startswith("functions."):
            assert "LogGroup" in function["Properties"]["LoggingConfig"]


def test_only_the_node_gateway_is_in_the_network(dev: Templates) -> None:
    inside = [f for f in dev.of_type("AWS::Lambda::Function").values() if "VpcConfig" in f["Properties"]]
    assert [f["Properties"]["FunctionName"] for f in inside] == [f"sovereign-dev-{NODE_GATEWAY.name.replace('_', '-')}"]


def test_media_task_is_granted_its_needs_and_reached_only_as_meant(dev: Templates) -> None:
    (task,) = dev.of_type("AWS::ECS::TaskDefinition").values()
    variables = {v["Name"] for v in task["Properties"]["ContainerDefinitions"][0]["Environment"]}
    assert variables >= {"TABLE_NAME", "KMS_KEY_ID", "CONTROL_SECRET_ID", "PLATFORM_KEYS_SECRET_ID", "SECRET_PREFIX"}
    actions = actions_of(dev, task["Properties"]["TaskRoleArn"]["Fn::GetAtt"][0])
    assert {"dynamodb:UpdateItem", "kms:Decrypt", "s3:PutObject", "ecs:UpdateTaskProtection"} <= actions
    assert "events:PutEvents" not in actions, "only the stream's reader publishes"
    assert Need.BUS not in MEDIA_NEEDS
    media = next(g for g in dev.of_type("AWS::EC2::SecurityGroup").values() if "Media" in str(g["Properties"]))
    public = [r for r in media["Properties"]["SecurityGroupIngress"] if r.get("CidrIp") == "0.0.0.0/0"]
    assert [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in public] == [("udp", 20000, 24999)]


@pytest.mark.parametrize("row", API_RESOURCES, ids=lambda row: row.name)
def test_resource_has_both_routes_of_each_path(dev: Templates, row: Any) -> None:
    routes = {route["Properties"]["RouteKey"] for route in dev.of_type("AWS::ApiGatewayV2::Route").values()}
    for path in row.paths:
        assert {f"ANY /api/v1/{path}", f"ANY /api/v1/{path}/{{proxy+}}"} <= routes
    assert "$default" in routes


def test_aws_runs_arm_and_restores_snapshots(dev: Templates) -> None:
    for function in dev.of_type("AWS::Lambda::Function").values():
        properties = function["Properties"]
        if properties["Handler"].startswith("functions."):
            assert properties["Runtime"] == "python3.13"
            assert properties["Architectures"] == ["arm64"]
            assert properties["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    integrations = dev.of_type("AWS::ApiGatewayV2::Integration").values()
    assert integrations
    assert all("Live" in str(i["Properties"]["IntegrationUri"]) for i in integrations), "$LATEST has no snapshot"


def test_layer_for_aws_holds_wheels_of_its_processor(dev: Templates) -> None:
    layers = dev.of_type("AWS::Lambda::LayerVersion").values()
    folders = {dev.asset_of(layer) for layer in layers}
    compiled = [path.name for folder in folders for path in folder.rglob("*.so")]
    assert compiled
    assert all("x86_64" not in name for name in compiled)
    assert any("aarch64" in name for name in compiled)
    packages = {path.name for folder in folders for path in (folder / "python").iterdir()}
    assert {"sovereign", "fastapi", "pydantic"} <= packages
    assert "botocore" not in packages, "the runtime's own goes with its boto3"


def test_function_and_layers_fit_into_lambda(dev: Templates) -> None:
    """Lambda unpacks at most 250 MB; what is zipped must leave room for the interpreter's own bytecode caches."""
    layers = [dev.asset_of(layer) for layer in dev.of_type("AWS::Lambda::LayerVersion", "api").values()]
    assert len(layers) == 2
    functions = [dev.asset_of(f) for f in dev.of_type("AWS::Lambda::Function", "api").values()]
    assert sum(map(size_of, layers)) + max(map(size_of, functions)) < 200 * 2**20


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_every_dead_letter_queue_has_an_alarm(dev: Templates) -> None:
    alarms = {a["Properties"]["AlarmName"] for a in dev.of_type("AWS::CloudWatch::Alarm").values()}
    queues = ("deliveries", "notifications", "campaign-news", "lead-imports")
    other = ("failed-records", "failed-triggers", "stream-behind", "after-call-failed")
    for name in (*(f"{queue}-dead-letters" for queue in queues), *other):
        assert f"sovereign-dev-{name}" in alarms
    for row in ROWS:
        assert f"sovereign-dev-{row.name.replace('_', '-')}-errors" in alarms


def test_templates_hold_no_account_and_no_secret_value(dev: Templates) -> None:
    text = " ".join(path.read_text() for path in dev.folder.glob("*.template.json"))
    assert not re.search(r"\b\d{12}\b", re.sub(r"[0-9a-f]{40,}", "", text))
    for secret in dev.of_type("AWS::SecretsManager::Secret").values():
        assert "GenerateSecretString" in secret["Properties"] or secret["Properties"]["SecretString"] == "{}"
