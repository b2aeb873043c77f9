#!/bin/bash
# demo.sh [--once] [--state-dir DIR]: install what is missing, build, start bisectd on an example repository, find the commit
# that broke it.  At a terminal the pages stay up until Ctrl-C; otherwise, and with --once, everything is stopped, and the exit
# status is 0 only if the verdict is the commit that was planted.
set -eu
. "$(dirname "$0")/scripts/setup.sh"

usage() {
	sed -n '2,4s/^# //p' "$0"
}

work=$root/.demo
once=false
while [ $# -gt 0 ]; do
	case $1 in
	--once) once=true ;;
	--state-dir)
		[ $# -gt 1 ] || fail "--state-dir needs a directory"
		work=$2
		shift
		;;
	--state-dir=*) work=${1#*=} ;;
	-h | --help) usage && exit ;;
	*) fail "found '$1', allowed are --once and --state-dir DIR" ;;
	esac
	shift
done
{ [ -t 0 ] && [ -t 1 ]; } || once=true

daemon='' client=''
# shellcheck disable=SC2317
stop() {
	local status=$? i
	trap '' INT TERM HUP
	if [ -n "$client" ]; then
		kill -KILL "$client" 2>/dev/null || true	# it only watches
		wait "$client" 2>/dev/null || true
	fi
	if [ -n "$daemon" ]; then
		kill -TERM "$daemon" 2>/dev/null || true
		for ((i = 0; i < 200; i++)); do
			kill -0 "$daemon" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "$daemon" 2>/dev/null || true
		wait "$daemon" 2>/dev/null || true
	fi
	exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

setup_packages build run
setup_build build --enable-werror
setup_redis

# Everything that the demo makes; only a directory that is ours or empty is emptied.
mkdir -p "$work"
work=$(cd "$work" && pwd)
if [ ! -e "$work/.bisectd-demo" ] && [ -n "$(ls -A "$work")" ]; then
	fail "$work is not empty and was not made by this script; --state-dir names another one"
fi
: >"$work/.bisectd-demo"
exec 8>"$work/lock"
flock -n 8 || fail "another demo runs in $work; --state-dir names another directory"
rm -rf "${work:?}/state" "$work/port" "$work/example" "${work:?}/home"
mkdir -p "$work/home" "$work/tmp"
export HOME=$work/home TMPDIR=$work/tmp CCACHE_DIR=$work/ccache
unset XDG_CONFIG_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR "${!BISECTD_@}"

say "making the example repository"
"$root/examples/make-repository.sh" "$work/example"
planted=$(cat "$work/example/planted")
repository=$work/example/tally
cat >"$work/job.yaml" <<END
suite: tally
testbox: dc-1g
upstream_repo: example/tally
upstream_url: '${repository//\'/\'\'}'
upstream_commit: main
build:
  run: make all
  keep: [tests/all]
test:
  run: ./tests/all
timeout: 5m
END
say "  $repository: $(git -C "$repository" rev-list --count main) commits, $(git -C "$repository" rev-list --count --merges main) merges"

"$programs/bisectd" --standalone --state-dir "$work/state" --port 0 --port-file "$work/port" 8>&- >"$work/bisectd.log" 2>&1 &
daemon=$!
for ((i = 0; i < 300; i++)); do
	[ ! -s "$work/port" ] || break
	kill -0 "$daemon" 2>/dev/null || break
	sleep 0.1
done
if [ ! -s "$work/port" ]; then
	tail -n 20 "$work/bisectd.log" >&2
	fail "bisectd did not start"
fi
server=http://127.0.0.1:$(cat "$work/port")
say "bisectd is up: $server/"

bisectctl() {
	local command=$1
	shift
	"$programs/bisectctl" "$command" --server "$server" --token-file "$work/state/admin.token" "$@"
}

# attended ARGUMENT...: bisectctl, but a bisectd that ends meanwhile ends the demo; bisectctl itself would wait for it to come back
attended() {
	local status=0
	bisectctl "$@" &
	client=$!
	wait -n "$daemon" "$client" || status=$?
	if ! kill -0 "$daemon" 2>/dev/null; then
		tail -n 20 "$work/bisectd.log" >&2
		fail "bisectd ended, which it must not; see $work/bisectd.log"
	fi
	client=''
	return $status
}

say "" "\$ bisectctl submit --wait job.yaml"
attended submit --wait --json "$work/job.yaml" >"$work/job.json" || fail "the job did not run; see $work/bisectd.log"
job=$(cat "$work/job.json")
job_id=$(jq -r .id <<<"$job")
say "job $job_id showed these errors at $(jq -r '.commit[:12]' <<<"$job"):"
jq -r '.result.errors[]? | "  " + .id' <<<"$job"
error=$(jq -r 'first(.result.errors[]?.id | select(test("one_count"))) // empty' <<<"$job")
[ -n "$error" ] || fail "the job did not show the error that was planted"

say "" "\$ bisectctl bisect --watch --job $job_id --good v1.0 --error-id $error"
id=$(bisectctl bisect --job "$job_id" --good v1.0 --error-id "$error")
page=$server/bisections/$id
say "live page: $page"
attended watch "$id" || say "bisectctl ended with status $?"

verdict=$(bisectctl show --json "$id" | jq -r '.verdict.commit // "nothing"')
status=0
if [ "$verdict" = "$planted" ]; then
	say "" "This is the commit that was planted."
else
	say "" "WRONG: planted was $planted, the verdict names $verdict."
	status=1
fi
say "page: $page"
if ! $once; then
	say "The pages stay up until Ctrl-C."
	trap 'exit $status' INT
	wait "$daemon" || true
fi
exit $status
