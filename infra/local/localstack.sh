# The other engine: LocalStack in Docker. Sourced by scripts/up.

# Its way to ask for an API's id.
ENGINE_TAGS="app=prolight environment=local _custom_id_=prolight"

engine_check() {
  docker info >/dev/null 2>&1 || fail \
    "LocalStack needs a running Docker engine and there is none here. Start Docker, or run scripts/up without --engine."
}

engine_start() {
  mkdir -p .local/run
  LOCAL_CLOUD_PORT=$CLOUD_PORT docker compose -f infra/local/compose.yaml up --detach --wait
  touch .local/run/localstack
}

# It imports the whole API document. It gives the API another id when it does not know the tag: then deploy again, now
# that the address is known.
engine_complete() {
  local id
  id=$("$PYTHON" -c 'import boto3, sys
described = boto3.client("cloudformation").describe_stacks(StackName=sys.argv[1])["Stacks"][0]
print(next(it["OutputValue"] for it in described["Outputs"] if it["OutputKey"] == "ApiId"))' "$STACK")
  if [ "$id" != "$API_ID" ]; then
    API_ID=$id
    deploy
  fi
}
