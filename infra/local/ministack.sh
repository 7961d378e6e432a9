# The default engine: MiniStack runs functions as processes of this machine and enforces IAM. Sourced by scripts/up.

# Its way to ask for an API's id.
ENGINE_TAGS="app=prolight environment=local ms-custom-id=prolight"

engine_check() { :; }

# Its environment becomes that of the functions, so it gets a clean one. AUTH makes it check every signature and policy;
# the two listeners that would leave loopback are off. It starts anew together with the sandbox: a table full of
# customers that its Stripe has forgotten is of no use.
engine_start() {
  mkdir -p .local/run/tmp
  "$PYTHON" infra/local/process.py start ministack --port "$CLOUD_PORT" --variable LOCAL_CLOUD_PORT \
    --health "$AWS_ENDPOINT_URL/_ministack/health" --stamp "$(sandbox_stamp)" -- \
    env -i PATH="$PATH" HOME="$HOME" TMPDIR="$PWD/.local/run/tmp" LC_ALL=C.UTF-8 \
    GATEWAY_PORT="$CLOUD_PORT" BIND_HOST=127.0.0.1 MINISTACK_HOST=127.0.0.1 AUTH=true \
    IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 DOCKER_HOST=unix:///nonexistent \
    AWS_ENDPOINT_URL="$AWS_ENDPOINT_URL" AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test \
    "$PWD/$VENV/bin/ministack"
}

engine_complete() { PYTHONPATH=infra "$PYTHON" infra/local/gateway.py "$STACK" && "$PYTHON" infra/local/queues.py; }
