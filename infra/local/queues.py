"""Give the queues' workers their number as a number.

A parameter of CloudFormation is text. AWS makes a number of it where one is wanted; MiniStack
1.5.33 does not for `MaximumConcurrency`, and then reads no queue. Running it again changes nothing.
"""

import boto3


def main() -> None:
    """Writes the concurrency of every event source that has one again."""
    functions = boto3.client("lambda")
    for page in functions.get_paginator("list_event_source_mappings").paginate():
        for mapping in page["EventSourceMappings"]:
            if most := mapping.get("ScalingConfig", {}).get("MaximumConcurrency"):
                functions.update_event_source_mapping(
                    UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": int(most)}
                )


if __name__ == "__main__":
    main()
