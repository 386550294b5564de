from dataclasses import replace

import pytest

from sovereign.calls.model import CallRef
from sovereign.campaigns.claim import link_ref
from sovereign.kernel import aws
from sovereign.kernel.clock import utc_now
from sovereign.kernel.table import Put
from sovereign.organizations.items import to_item
from sovereign.organizations.model import Organization
from sovereign.organizations.store import OrganizationStore
from sovereign.recordings.layout import SegmentName
from sovereign.recordings.storage import RecordingNotErasedError, Recordings
from sovereign.retention.eraser import RetentionEraser
from sovereign.retention.register import RetentionRegister
from sovereign.webhooks.traces import WebhookTraces
from tests.component.calls.harness import CALLER, ORG, OTHER_ORG
from tests.component.webhooks.world import World

BUCKET = "recordings"


@pytest.fixture
def bucket(world: World) -> str:
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return BUCKET


def organization(world: World, *, content: int | None, metadata: int | None) -> None:
    made = Organization(
        id=ORG,
        name="Riverside",
        parent_org_id=None,
        billing_mode="unlimited",
        minutes_balance=0,
        created_at=utc_now(),
        updated_at=utc_now(),
    )
    kept = replace(made, content_retention_days=content, metadata_retention_days=metadata)
    world.table.put(Put(to_item(kept)))
    RetentionRegister(world.table).note(ORG)


def eraser(world: World) -> RetentionEraser:
    return RetentionEraser(
        register=RetentionRegister(world.table),
        organizations=OrganizationStore(world.table, world.clock),
        calls=world.calls,
        traces=WebhookTraces(world.table, world.deliveries),
        recordings=Recordings(BUCKET),
        clock=world.clock,
    )


def reported_call(world: World) -> CallRef:
    ref = world.start_call()
    world.end_call(ref)
    world.calls.content.save_after_call(ref, summary="what was said")
    world.calls.lifecycle.write_report(ref)
    for sequence in (1, 2, 3, 4):
        world.deliverer.deliver_fact(world.fact(ref, sequence))
    return ref


def test_content_goes_at_its_period_and_metadata_at_its_own(world: World, bucket: str) -> None:
    organization(world, content=30, metadata=90)
    ref = reported_call(world)
    world.clock.advance(days=29)
    assert eraser(world).run(time_is_left=lambda: True)
    assert world.calls.content.load_whole(ref).summary == "what was said"

    world.clock.advance(days=2)
    assert eraser(world).run(time_is_left=lambda: True)
    call = world.calls.content.load_whole(ref)
    assert (call.messages, call.summary, call.caller_phone) == (None, None, CALLER)
    delivery = world.delivery(ref, 4)
    assert delivery.body_erased
    assert world.bodies.load(delivery) is None
    assert {attempt.answer for attempt in delivery.attempts} == {None}

    world.clock.advance(days=60)
    assert eraser(world).run(time_is_left=lambda: True)
    call = world.calls.content.load_whole(ref)
    assert (call.caller_phone, call.duration_seconds, call.status.value) == (None, 30, "ended")
    page = world.deliveries.page(ORG, limit=10, after=None, call_id=ref.call_id, status=None)
    assert page.deliveries == []


def test_which_lead_a_call_rang_goes_with_its_metadata(world: World, bucket: str) -> None:
    organization(world, content=30, metadata=90)
    ref = reported_call(world)
    link = link_ref(ORG, ref.call_id)
    world.table.put(Put({**link._asdict(), "campaign_id": "campaign-1", "lead_id": "lead-1", "day": "2026-11-22"}))
    world.clock.advance(days=31)
    assert eraser(world).run(time_is_left=lambda: True)
    assert world.table.get(link) is not None
    world.clock.advance(days=60)
    assert eraser(world).run(time_is_left=lambda: True)
    assert world.table.get(link) is None


def stored_objects() -> list[str]:
    return [found["Key"] for found in aws.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_recording_goes_with_the_content_and_leaves_word_that_it_is_gone(world: World, bucket: str) -> None:
    organization(world, content=30, metadata=365)
    ref, recordings = reported_call(world), Recordings(bucket)
    recordings.put_segment(ref, SegmentName(0, 8000), bytes(400))
    assert recordings.finish(ref)
    world.calls.content.mark_recorded(ref)
    other = f"{OTHER_ORG}/{ref.call_id}/recording.wav"
    aws.client("s3").put_object(Bucket=bucket, Key=other, Body=b"x")
    world.clock.advance(days=29)
    assert eraser(world).run(time_is_left=lambda: True)
    assert len(stored_objects()) == 2
    world.clock.advance(days=2)
    assert eraser(world).run(time_is_left=lambda: True)
    assert stored_objects() == [other]
    assert world.calls.rows.get(ref).recording == "erased"


def test_pieces_of_a_recording_nobody_finished_go_too(world: World, bucket: str) -> None:
    organization(world, content=30, metadata=30)
    ref = reported_call(world)
    Recordings(bucket).put_segment(ref, SegmentName(0, 8000), bytes(400))
    world.clock.advance(days=31)
    assert eraser(world).run(time_is_left=lambda: True)
    assert stored_objects() == []
    assert world.calls.rows.get(ref).recording is None


def test_recording_that_cannot_be_erased_keeps_the_call_due(
    world: World, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    organization(world, content=30, metadata=30)
    ref = reported_call(world)
    Recordings(bucket).put_segment(ref, SegmentName(0, 8000), bytes(400))
    world.clock.advance(days=31)
    made = eraser(world)

    def refuse(call: CallRef) -> None:
        raise RecordingNotErasedError(call.call_id)

    monkeypatch.setattr(made._recordings, "erase", refuse)
    assert not made.run(time_is_left=lambda: True)
    assert len(stored_objects()) == 1
    monkeypatch.undo()
    assert eraser(world).run(time_is_left=lambda: True)
    assert stored_objects() == []


def test_without_periods_nothing_is_erased(world: World, bucket: str) -> None:
    organization(world, content=None, metadata=None)
    ref = reported_call(world)
    world.clock.advance(days=4000)
    assert eraser(world).run(time_is_left=lambda: True)
    assert world.calls.content.load_whole(ref).summary == "what was said"


def test_a_run_out_of_time_says_so_and_the_next_goes_on(world: World, bucket: str) -> None:
    organization(world, content=30, metadata=30)
    ref = reported_call(world)
    world.clock.advance(days=31)
    assert not eraser(world).run(time_is_left=lambda: False)
    assert world.calls.content.load_whole(ref).summary == "what was said"
    assert eraser(world).run(time_is_left=lambda: True)
    assert world.calls.content.load_whole(ref).summary is None
    [progress] = RetentionRegister(world.table).organizations()
    assert (progress.content_number, progress.metadata_number) == (ref.number, ref.number)


def test_one_organizations_failure_stops_no_other_and_is_tried_again(
    world: World, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    RetentionRegister(world.table).note(OTHER_ORG)
    organization(world, content=30, metadata=30)
    ref = reported_call(world)
    world.clock.advance(days=31)
    made = eraser(world)
    real = made._organizations.get
    failing = {OTHER_ORG}

    def get(org_id: str) -> Organization:
        if org_id in failing:
            raise RuntimeError
        return real(org_id)

    monkeypatch.setattr(made._organizations, "get", get)
    assert not made.run(time_is_left=lambda: True)
    assert world.calls.content.load_whole(ref).summary is None
    monkeypatch.undo()


def test_every_object_of_a_recording_goes_and_no_other_calls(world: World, bucket: str) -> None:
    s3 = aws.client("s3")
    ref, other = CallRef(ORG, "call-inbound-a", 1), CallRef(ORG, "call-inbound-ab", 2)
    for call, name in ((ref, "one.wav"), (ref, "two.wav"), (other, "one.wav")):
        s3.put_object(Bucket=bucket, Key=f"{call.org_id}/{call.call_id}/{name}", Body=b"x")
    Recordings(bucket).erase(ref)
    left = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert left == [f"{ORG}/call-inbound-ab/one.wav"]
