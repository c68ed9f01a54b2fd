"""The stack in the emulator, and what it has made."""

import json
import time

from parts.process import PartFailed


def deploy(emulator, template, name):
    """Creates the stack; returns {logical id: physical id}."""
    cloudformation = emulator.client("cloudformation")
    # Longer than CreateStack takes in its body.
    emulator.client("s3").put_object(Bucket="assets", Key=f"{name}.json", Body=json.dumps(template).encode())
    url = f"{emulator.endpoint}/assets/{name}.json"
    cloudformation.create_stack(StackName=name, TemplateURL=url, Capabilities=["CAPABILITY_NAMED_IAM"])
    deadline = time.monotonic() + 120
    while (stack := cloudformation.describe_stacks(StackName=name)["Stacks"][0])["StackStatus"] == "CREATE_IN_PROGRESS":
        if time.monotonic() > deadline:
            raise PartFailed(f"the stack is not there after 120 s: {stack}")
        time.sleep(0.2)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise PartFailed(f"{stack['StackStatus']}: {stack.get('StackStatusReason')}\n{_failures(cloudformation, name)}")
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    return {
        made["LogicalResourceId"]: made["PhysicalResourceId"]
        for page in pages
        for made in page["StackResourceSummaries"]
    }


def _failures(cloudformation, name):
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
    return "\n".join(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in failed)
