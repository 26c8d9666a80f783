#!/bin/sh
# Lint the stack's templates, the workflows and the Dockerfile. $1: the folder with the linters. Everything is looked at, then it fails.
set -u
bin="$(cd "$1" && pwd)"
cd "$(dirname "$0")/../../.."
failed=0

run() {
  name="$1"
  shift
  if "$@"; then
    echo "$name: clean"
  else
    echo "$name: see above" >&2
    failed=1
  fi
}

run cfn-lint "$bin/cfn-lint" --config-file serving/stack/lint/cfn-lint.yaml
run checkov "$bin/checkov" --config-file serving/stack/lint/checkov.yaml --quiet --compact --skip-download --file serving/stack/*.yaml ecs/*.yaml
# Workflows that git knows and that are not there are a failure too.
if [ -d .github ] || [ -n "$(git ls-files .github)" ]; then
  run zizmor "$bin/zizmor" --offline --no-config --no-progress --quiet .github
  # Neither of its own helpers: whether they are installed here must not decide whether a workflow is clean.
  run actionlint "$bin/actionlint" -shellcheck= -pyflakes=
fi
run hadolint "$bin/hadolint" --config serving/stack/lint/hadolint.yaml Dockerfile
exit "$failed"
