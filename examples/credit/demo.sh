#!/usr/bin/env bash
# The main job, end to end, on a real credit model: `make demo`. Every step is checked; the first that does not do
# what it should ends the demo with an error.
#
#   examples/credit/demo.sh         tell the story; leaves the service running, unless CI=true
#   examples/credit/demo.sh stop    stop the service of the last demo and remove its data
set -euo pipefail
cd "$(dirname "$0")/../.."

plimsoll=${CARGO_TARGET_DIR:-target}/debug/plimsoll
demo=${DEMO_DIR:-.cache/demo}
people=$demo/people
answer=$demo/answer
log=$demo/service.log
pid_file=$demo/service.pid
number=0

# Settings of the caller would make this another demo.
for name in ${!PLIMSOLL_@}; do unset "$name"; done

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' plain=$'\033[0m'; fi

# --- telling ---------------------------------------------------------------------------------------------------------

step() {
    number=$((number + 1))
    printf '\n%s%2d. %s%s\n' "$bold" "$number" "$1" "$plain"
}

tell() { printf '    %s\n' "$@"; }

fail() {
    printf '\nThe demo stops here: %s\n' "$1" >&2
    if [ -s "$log" ]; then
        printf 'The last lines of the service (%s):\n' "$log" >&2
        tail -n 15 "$log" >&2
    fi
    exit 1
}

# An argument as one would type it.
typed() {
    local word
    for word in "$@"; do
        case "$word" in
        *[!a-zA-Z0-9@%+=:,./_-]* | '') printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
}

# run WHO EXIT-CODE ARGUMENTS…: shows and runs a command as that person, each with settings and keys of their own.
run() {
    local who=$1 wanted=$2 code=0
    shift 2
    printf '\n    %s%s$ plimsoll%s%s\n' "$bold" "$who" "$(typed "$@")" "$plain"
    PLIMSOLL_CONFIG_DIR=$people/$who "$plimsoll" "$@" >"$answer" 2>&1 || code=$?
    sed 's/^/      /' "$answer"
    [ "$code" = "$wanted" ] || fail "exit code $code instead of $wanted"
    if [ "$wanted" != 0 ]; then printf '      [exit code %s, as it should be]\n' "$code"; fi
}

# The last answer has to say this.
says() { grep -q -- "$1" "$answer" || fail "the answer does not say \"$1\""; }

# The value of a line `name  value` of the last answer.
field() { awk -v name="$1" '$1 == name { print $2; exit }' "$answer"; }

# --- the service -----------------------------------------------------------------------------------------------------

# Small Linux systems have no ps, and macOS has no /proc.
command_of() {
    if [ -r "/proc/$1/cmdline" ]; then tr '\0' ' ' <"/proc/$1/cmdline"; else ps -p "$1" -o command= 2>/dev/null; fi
}

# Only a process that is this demo's service is ever stopped.
stop_service() {
    local pid
    [ -f "$pid_file" ] || return 0
    pid=$(cat "$pid_file")
    if command_of "$pid" | grep -q -- "serve --data $demo/data"; then
        kill "$pid"
        for _ in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
    fi
    rm -f "$pid_file"
}

if [ "${1:-}" = stop ]; then
    stop_service
    rm -rf "$demo"
    echo "the demo's service is stopped and its data are removed"
    exit
fi

[ -x "$plimsoll" ] || fail "$plimsoll is not built; run make demo"

# The usual port, or any other that is free.
free_port() {
    python3 -c 'import socket
for port in (8250, 0):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(s.getsockname()[1])
        break'
}

ready() {
    python3 - "$1" <<'PYTHON'
import sys
import time
import urllib.request

open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
for _ in range(150):
    try:
        with open_url(sys.argv[1] + "/readyz", timeout=5):
            sys.exit(0)
    except OSError:
        time.sleep(0.1)
sys.exit(1)
PYTHON
}

new_password() { python3 -c 'import secrets; print("-".join(secrets.token_hex(2) for _ in range(4)))'; }

leave() {
    local code=$?
    trap - EXIT
    if [ "$code" != 0 ] || [ "${CI:-}" = true ]; then stop_service; fi
    exit "$code"
}

# --- the story -------------------------------------------------------------------------------------------------------

stop_service
rm -rf "$demo"
mkdir -p "$people"
chmod 700 "$demo"
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for who in ada ines tom mara otto; do
    declare "password_$who=$(new_password)"
done
password_of() { local variable=password_$1 && printf '%s' "${!variable}"; }

# Ada makes an account and learns no password: its person chooses one with the code that she hands them.
invite() {
    local who=$1 code && shift
    printf '\n    %sada$ plimsoll user create %s %s > %s.code%s\n' "$bold" "$who" "$*" "$who" "$plain"
    code=$(PLIMSOLL_CONFIG_DIR=$people/ada "$plimsoll" user create "$who" "$@" 2>"$answer") || fail "no account $who was made"
    sed 's/^/      /' "$answer"
    printf '%s\n%s' "$code" "$(password_of "$who")" | run "$who" 0 join "$url" --stdin
}

step 'An operator starts the service: one program, SQLite and a folder, nothing else'
port=$(free_port)
url=http://127.0.0.1:$port
password_of ada | run operator 0 admin create-user ada --role admin --password-stdin --data "$demo/data"
printf '\n    %soperator$ plimsoll serve --data %s/data --listen 127.0.0.1:%s%s\n' "$bold" "$demo" "$port" "$plain"
nohup "$plimsoll" serve --data "$demo/data" --listen "127.0.0.1:$port" >"$log" 2>&1 </dev/null &
echo $! >"$pid_file"
ready "$url" || fail "the service did not become ready at $url"
tell "  it is ready at $url"

step 'Ada, the administrator, signs in and makes accounts'
tell 'ines builds models, tom runs production, mara reviews, otto audits. Ines may review too: not her own work, as we' \
    'will see. The deployment tool is a robot with a token of its own, for 30 days.'
password_of ada | run ada 0 login "$url" --user ada --password-stdin
invite ines --role contributor --role reviewer
invite tom --role environment_manager
invite mara --role reviewer
invite otto --role auditor
run ada 0 user create deployer --kind service --role deployer
printf '\n    %sada$ plimsoll token create production --account deployer --days 30 > deployer.token%s\n' "$bold" "$plain"
(umask 077 && PLIMSOLL_CONFIG_DIR=$people/ada "$plimsoll" token create production --account deployer --days 30 \
    >"$demo/deployer.token" 2>"$answer") || fail 'no token was made'
sed 's/^/      /' "$answer"

step 'Everyone signs in; each keeps settings and keys to themselves'
for who in ines tom mara otto; do
    password_of "$who" | run "$who" 0 login "$url" --user "$who" --password-stdin
done
printf '\n    %sdeployer$ plimsoll login %s --token-stdin < deployer.token%s\n' "$bold" "$url" "$plain"
PLIMSOLL_CONFIG_DIR=$people/deployer "$plimsoll" login "$url" --token-stdin <"$demo/deployer.token" >"$answer" 2>&1 ||
    fail 'the robot cannot sign in'
sed 's/^/      /' "$answer"

step 'Ines makes a signing key, and Ada trusts it'
run ines 0 init examples/credit --model credit-risk
run ada 0 trust add ines-laptop "$people/ines/signing-key.pub.pem"

step 'Tom describes production: what it is, its limits with an owner each, and who has to approve'
run tom 0 dataset push german-credit-holdout examples/credit/evaluation.csv --label creditworthy --positive good \
    --sensitive sex --sensitive age_group --source 'Statlog German Credit, UCI, CC BY 4.0'
run tom 0 env apply production --profile examples/credit/environment.yaml \
    --constraints examples/credit/constraints.yaml --policy examples/credit/policy.yaml

step 'Ines pushes version 1: hashed, signed, sealed, with signed provenance'
run ines 0 push examples/credit/v1 credit-risk
says 'credit-risk@1 sha256:'

step 'The registry measures it: in a sandbox, against every limit, for every group'
run ines 0 check credit-risk@1 --env production
says 'passed'

step 'Ines asks for promotion'
run ines 0 request credit-risk@1 --env production --comment 'First version; logistic regression on seven columns.'
says 'awaiting approval'
request=$(field request) decision=$(field decision)

step 'Ines is a reviewer, and still cannot approve what she built'
run ines 5 approve "$request" --digest "$decision"
says separation_of_duties

step 'Mara had no part in it: she approves exactly the digest that she saw'
run mara 0 approve "$request" --digest "$decision" --reason 'Inside every limit; the age gap is small and watched.'
says 'approved'

step 'Tom activates it'
run tom 0 promote "$request"
says 'credit-risk@1 is active in production'

step 'The deployment tool pulls what is active, and verifies it before a file appears'
run deployer 0 pull credit-risk --env production -o "$demo/pulled" --author-key "$people/ines/signing-key.pub.pem"
says 'credit-risk@1 sha256:'
printf '\n    %sdeployer$ ls %s/pulled%s\n' "$bold" "$demo" "$plain"
# Listed as a person would; the names are ours.
# shellcheck disable=SC2012
ls "$demo/pulled" | sed 's/^/      /'
cmp -s examples/credit/v1/model.onnx "$demo/pulled/model.onnx" || fail 'the pulled model is not the one that was pushed'

step 'Two candidates follow. Version 3 takes sex and age as inputs: the registry finds out by measuring'
run ines 0 push examples/credit/v2 credit-risk
run ines 0 push examples/credit/v3 credit-risk
run ines 5 check credit-risk@3 --env production
says 'parity-age'
says 'owner: mara'

step 'Asking for it all the same ends at the checks'
run ines 5 request credit-risk@3 --env production --comment 'Fewer bad loans.'
says 'checks failed'

step 'And the gate does not let it out'
run deployer 5 pull credit-risk@3 --env production -o "$demo/pulled"
says not_approved

step 'Version 2 is inside every limit and takes over'
run ines 0 check credit-risk@2 --env production
run ines 0 request credit-risk@2 --env production --comment 'Boosted trees; smaller gap between women and men.'
request=$(field request) decision=$(field decision)
run mara 0 approve "$request" --digest "$decision" --reason 'Inside every limit.'
run tom 0 promote "$request"
run deployer 0 pull credit-risk@2 --env production -o "$demo/pulled" --author-key "$people/ines/signing-key.pub.pem"
cmp -s examples/credit/v2/model.onnx "$demo/pulled/model.onnx" || fail 'the pulled model is not version 2'

step 'Complaints arrive. Tom rolls back in one step, with a reason'
run tom 0 rollback credit-risk --env production --to 1 --reason 'Complaints from two branches since noon.'
run deployer 0 pull credit-risk --env production -o "$demo/pulled" --author-key "$people/ines/signing-key.pub.pem"
says 'credit-risk@1 sha256:'
cmp -s examples/credit/v1/model.onnx "$demo/pulled/model.onnx" || fail 'the pulled model is not version 1'
run tom 0 status credit-risk

step 'Otto takes the audit log away and verifies it with nothing but the public key'
mkdir -p "$demo/otto"
printf '\n    %sotto$ plimsoll audit key > %s/otto/registry.vkey%s\n' "$bold" "$demo" "$plain"
PLIMSOLL_CONFIG_DIR=$people/otto "$plimsoll" audit key >"$demo/otto/registry.vkey" || fail 'no key is pinned'
run otto 0 audit export -o "$demo/otto/log.jsonl"
run otto 0 audit verify "$demo/otto/log.jsonl" --key-file "$demo/otto/registry.vkey"

step 'Somebody turns an approval into a rejection: it is found out'
grep -q '"outcome":"approve"' "$demo/otto/log.jsonl" || fail 'the log has no approval'
sed 's/"outcome":"approve"/"outcome":"reject"/' "$demo/otto/log.jsonl" >"$demo/otto/forged.jsonl"
run otto 6 audit verify "$demo/otto/forged.jsonl" --key-file "$demo/otto/registry.vkey"
says 'altered'

printf '\n%sThat was the whole job, in %s seconds. Every step did what it should.%s\n' "$bold" "$SECONDS" "$plain"
if [ "${CI:-}" = true ]; then
    tell 'CI=true: the service is stopped.'
    exit 0
fi
cat <<END

    The service goes on running:  $url
    API documentation:            $url/docs

    sign in as   password               to see
    ada          $password_ada    administration
    ines         $password_ines    what a data scientist sees
    tom          $password_tom    environments, activation
    mara         $password_mara    the page that a reviewer decides on
    otto         $password_otto    the audit log

    Its log is $log. To stop it and remove its data: make clean-demo
END
