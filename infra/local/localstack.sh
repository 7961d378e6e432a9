# The other engine: LocalStack, in Docker or, where Docker does not run, as a process. Sourced by scripts/up.
# README.md beside this file says how it differs from the default engine.

ENGINE_TAGS="app=prolight environment=local"
LOCALSTACK_VENV=.local/localstack-venv

engine_check() {
  if docker info >/dev/null 2>&1; then
    IN_DOCKER=yes
  else
    IN_DOCKER=
    step 'install LocalStack, as there is no Docker' install_localstack
  fi
}

install_localstack() {
  local python
  if [ ! -x "$LOCALSTACK_VENV/bin/pip" ]; then
    python=$(find_python) || fail 'LocalStack needs Docker or Python 3.13: start Docker, or set LOCALSTACK_PYTHON'
    "$python" -m venv "$LOCALSTACK_VENV"
  fi
  install_tools_in "$LOCALSTACK_VENV" infra/local/localstack-requirements.txt
}

# The first Python that LocalStack runs with.
find_python() {
  local python
  for python in "${LOCALSTACK_PYTHON:-}" python3.13 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin/python; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 13))' 2>/dev/null && echo "$python" && return
  done
  return 1
}

engine_start() {
  mkdir -p .local/run/tmp
  if [ -n "$IN_DOCKER" ]; then
    touch .local/run/localstack
    LOCAL_CLOUD_PORT=$CLOUD_PORT SANDBOX_STAMP=$(sandbox_stamp) \
      docker compose -f infra/local/compose.yaml up --detach --wait || return
  else
    start_process || return
  fi
  "$PYTHON" infra/local/verify.py started
}

# Its environment becomes that of its children, so it gets a clean one. OVERRIDE_IN_DOCKER=0 is host mode.
start_process() {
  local root=$PWD/.local/run/tmp/localstack services
  services=$(sed -n 's/^ *SERVICES: //p' infra/local/compose.yaml)
  mkdir -p "$root/etc/localstack/init"
  ln -sfn "$PWD/infra/local/start.d" "$root/etc/localstack/init/start.d"
  "$PYTHON" infra/local/process.py start localstack --port "$CLOUD_PORT" --variable LOCAL_CLOUD_PORT \
    --health "$AWS_ENDPOINT_URL/_localstack/health" --stamp "$(sandbox_stamp)" -- \
    env -i PATH="$PATH" HOME="$root" TMPDIR="$PWD/.local/run/tmp" LC_ALL=C.UTF-8 \
    OVERRIDE_IN_DOCKER=0 FILESYSTEM_ROOT="$root" DOCKER_HOST=unix:///nonexistent MINISTACK="$PWD/$VENV/bin/ministack" \
    GATEWAY_LISTEN="127.0.0.1:$CLOUD_PORT" LOCALSTACK_HOST="127.0.0.1:$CLOUD_PORT" SERVICES="$services" \
    S3_SKIP_SIGNATURE_VALIDATION=0 DYNAMODB_IN_MEMORY=1 DNS_ADDRESS=0 DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 \
    "$PWD/$LOCALSTACK_VENV/bin/python" -m localstack.runtime.main
}

engine_complete() {
  "$PYTHON" infra/local/verify.py deployed "$STACK" && PYTHONPATH=infra "$PYTHON" infra/local/gateway.py "$STACK"
}
