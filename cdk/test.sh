#!/usr/bin/env bash
# Everything there is to try about cdk/, from a clean checkout: packages, types, tests (with snapshots and cdk-nag), a synth
# of each example by the CDK's command line without any account, and cfn-lint over what came out.
#
#   cdk/test.sh            needs node 20 or later and python3; npm's registry and PyPI
#
# With CI=true a missing tool is a failure; else cfn-lint is named as not run where it cannot be installed.
set -euo pipefail
cd "$(dirname "$0")"

readonly CFN_LINT=1.58.0
readonly VENV=.venv
# The command line asks for newer versions of itself, and waits minutes where nobody answers.
export CDK_DISABLE_CLI_TELEMETRY=true CDK_DISABLE_VERSION_CHECK=true

step() { printf '== %s (%s s)\n' "$1" "$SECONDS"; }

step "packages"
# Told apart by what is installed: npm ci takes a while for nothing when it was run before.
if ! cmp -s package-lock.json node_modules/.installed-lock 2>/dev/null; then
  npm ci --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.installed-lock
fi
if grep -Eo '"resolved": "[^"]*"' package-lock.json | grep -v '"https://registry.npmjs.org/' ; then
  echo "package-lock.json names another registry than npm's" >&2
  exit 1
fi

step "types"
npm run --silent build

step "tests"
node --test --test-reporter="${CDK_TEST_REPORTER:-dot}" dist/test/all.js

step "synth"
rm -rf cdk.out
# No account, no profile, no region: a synth must not ask anybody.
unset AWS_PROFILE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION AWS_DEFAULT_REGION
export AWS_EC2_METADATA_DISABLED=true
mkdir -p cdk.out
for example in examples/*.yaml; do
  name="$(basename "$example" .yaml)"
  # One by the command line, as people do it; it takes twice as long as the app alone, which says the same.
  if [[ "$name" == minimal ]]; then
    synth=(node_modules/.bin/cdk synth --quiet --no-lookups --app "node dist/bin/app.js" -c "config=$example" --output "cdk.out/$name")
  else
    synth=(env CDK_OUTDIR="cdk.out/$name" CDK_CONTEXT_JSON="{\"config\": \"$example\"}" node dist/bin/app.js)
  fi
  "${synth[@]}" >"cdk.out/$name.log" 2>&1 || { cat "cdk.out/$name.log"; exit 1; }
  echo "$name: $(ls cdk.out/"$name"/*.template.json | wc -l) templates"
done

step "cfn-lint"
if ! [[ "$("$VENV/bin/cfn-lint" --version 2>/dev/null)" == *" $CFN_LINT" ]]; then
  rm -rf "$VENV"
  { python3 -m venv "$VENV" && "$VENV/bin/pip" install --quiet --disable-pip-version-check "cfn-lint==$CFN_LINT"; } || rm -rf "$VENV"
fi
if [[ -x "$VENV/bin/cfn-lint" ]]; then
  # W3005: the CDK writes down dependencies that a GetAtt implies already.
  "$VENV/bin/cfn-lint" --ignore-checks W3005 --non-zero-exit-code warning -- cdk.out/*/*.template.json
  echo "cfn-lint: nothing found"
elif [[ "${CI:-}" == true ]]; then
  echo "cfn-lint $CFN_LINT does not install" >&2
  exit 1
else
  echo "cfn-lint: not run (it does not install here)"
fi

step "passed"
