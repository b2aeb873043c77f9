#!/usr/bin/env bats
# bisectctl with a bisectd: what it says and returns when things are not as they should be.
load lib_service

setup_file() {
	isolate_git
	start_service --build-slots 1 --test-slots 1 --lease 10s
	line "$STATE/repo" 60 23-:bug
	job "$STATE/repo" >"$STATE/job.yaml"
	JOB="$(ctl submit --wait --json "$STATE/job.yaml" | jq -r .id)"
	export JOB
}

teardown_file() { end_service; }

setup() {
	isolate_git
	BATS_TEST_TIMEOUT=100
	cd "$BATS_TEST_TMPDIR"
}

teardown() { [ -z "${OWN_SERVICE:-}" ] || end_service; }

# says STATUS PATTERN COMMAND...: ends so, with one line on standard error that matches
says() {
	local want="$1" pattern="$2" got=0
	shift 2
	"$@" >out 2>err || got=$?
	echo "$*: $got: $(cat -v err)"
	[ "$got" = "$want" ]
	[ "$(wc -l <err)" = 1 ]
	grep -q -- "$pattern" err
}

no_control_bytes() { ! LC_ALL=C grep -q '[[:cntrl:]]' <(tr -d '\n\t' <"$1"); }

@test "every program and every command says how it is used" {
	local program command commands=0
	for program in bisectd bisectctl bisect-builder bisect-tester bisect-sim; do
		run "${BISECTCTL%/*}/$program" --help
		[[ "$output" == "Usage: $program "* ]]
	done
	run "$BISECTCTL" --help
	for command in $(sed -n '/^Commands:/,/^[^ C]/s/^  \([a-z]\{1,\}\) .*/\1/p' <<<"$output"); do
		run "$BISECTCTL" "$command" --help
		[[ "$output" == "Usage: bisectctl $command"* ]]
		commands=$((commands + 1))
	done
	[ "$commands" -gt 10 ]
}

@test "wrong usage is one line and status 2" {
	says 2 'usage: bisectctl submit' ctl submit
	says 2 "found 'b' beside 'a', allowed: one job.yaml, and KEY=VALUE" ctl submit a b
	says 2 'no --error-id' ctl bisect
	says 2 'found neither' ctl bisect --error-id x
	says 2 'found both' ctl bisect --error-id x --job a job.yaml
	says 2 'is no id' ctl watch ../../x
	says 2 'usage: bisectctl show' ctl show
	says 2 'whole number' ctl list --limit 0
	says 2 'unknown option' ctl list --frob
	says 2 'allowed are' ctl token frob
	says 2 'allowed are' ctl token create
	says 2 'not supported' "$BISECTCTL" list --server ftp://127.0.0.1:1
	says 2 'allowed are' "$BISECTCTL" nonsense
}

@test "what cannot be done is one line and status 1" {
	says 1 'No such file' ctl submit nothing.yaml
	says 1 'Is a directory' ctl submit /
	says 1 'longer than' ctl submit <(head -c 17000000 /dev/zero)
	head -c 1500000 /dev/zero | tr '\0' a >big.yaml
	says 1 'longer than' ctl submit big.yaml
	printf 'suite: [x' >bad.yaml
	says 1 'bad.yaml:[12]:1:' ctl submit bad.yaml
	says 1 'standard input:[12]:1:' ctl submit - <bad.yaml
	for command in watch show cancel log resubmit; do
		says 1 'no .*nosuch' ctl "$command" nosuch
	done
	says 1 'no job' ctl bisect --error-id x --job nosuch
	says 1 'no token' ctl token revoke a/../b
	says 1 'allowed are viewer' ctl token create x --role boss
}

@test "a token that is missing, unknown or of another role is named as the reason" {
	says 1 'BISECTD_TOKEN or --token-file' env -u BISECTD_TOKEN "$BISECTCTL" submit --server "$SERVER" "$STATE/job.yaml"
	says 1 'not known' env BISECTD_TOKEN=wrong "$BISECTCTL" submit --server "$SERVER" "$STATE/job.yaml"
	says 1 'role agent' env BISECTD_TOKEN="$(token agent)" "$BISECTCTL" submit --server "$SERVER" "$STATE/job.yaml"
	says 1 'No such file' "$BISECTCTL" list --server "$SERVER" --token-file /nonexistent
}

@test "without a bisectd every command says so at once, watch too" {
	for command in "list" "watch abc" "show abc" "log abc" "submit $STATE/job.yaml"; do
		# shellcheck disable=SC2086
		says 1 'no bisectd answers at http://127.0.0.1:1 ' timeout 10 "$BISECTCTL" $command --server http://127.0.0.1:1
	done
}

@test "an address with a slash at its end is the same" {
	"$BISECTCTL" list --server "$SERVER/" --token-file "$STATE/s/admin.token"
}

@test "output that cannot be written is a failure" {
	got=0
	ctl show "$JOB" >/dev/full 2>err || got=$?
	[ "$got" = 1 ]
	grep -q 'cannot write' err
}

@test "nothing of a foreign text steers the terminal" {
	line "$STATE/hostile" 5 3-:bug
	git -C "$STATE/hostile" tag -d c5 >/dev/null
	git -C "$STATE/hostile" update-ref refs/heads/main \
		"$(git -C "$STATE/hostile" commit-tree -p c4 -m "$(printf 'evil \033]0;pwned\007 \033[31mred')" 'main^{tree}')"
	job "$STATE/hostile" | sed 's/not ok 2 - the bug"/not ok 2 - the bug"; printf "\\033[32mgreen\\033[0m \\033]0;pwned\\007\\n"/' >job.yaml
	job="$(ctl submit --wait --json job.yaml | jq -r .id)"
	id="$(ctl bisect --job "$job" --good c1 --error-id suite.the_bug.fail)"
	ctl watch "$id" >watch 2>&1
	ctl show "$id" >show
	grep -q 'evil' show
	ctl list >list
	for file in watch show list; do
		no_control_bytes "$file"
	done
	# A log is what it is in a file; on a terminal its colours go and the rest is shown.
	ctl log "$job" >log
	grep -q "$(printf '\033')" log
	script -qec "$(printf '%q ' "$BISECTCTL" log --server "$SERVER" --token-file "$STATE/s/admin.token" "$job")" /dev/null </dev/null |
		tr -d '\r' >terminal
	no_control_bytes terminal
	grep -q '^green \\x1b]0;pwned\\x07$' terminal
}

@test "a log of any size comes whole, and a page of it is small" {
	cat >job.yaml <<-END
		suite: long
		upstream_url: '$STATE/repo'
		upstream_commit: main
		test:
		  run: |
		    seq -f 'line %.0f of a log that has nothing to say' 500000
		    echo 'app: error: lost the frame'
		    seq -f 'line %.0f after it' 3000
		    exit 1
		error: {match: 'lost the frame'}
	END
	ctl submit --wait --json job.yaml >job.json
	jq -e '.result.errors[] | select(.id == "match.lost_the_frame").line_number == 500001' job.json
	ctl log "$(jq -r .id job.json)" >log
	[ "$(wc -c <log)" -gt 20000000 ]
	[ "$(sed -n 500001p log)" = 'app: error: lost the frame' ]
	[ "$(wc -l <log)" = 503001 ]
	unit="$(jq -r .result.unit job.json)"
	for query in '' '?line=500001' '?from=end' '?from=400000'; do
		api GET "/units/$unit/log$query"
		[ "$code" = 200 ]
		[ "${#answer}" -lt 400000 ]
	done
	api GET "/units/$unit/log?line=500001"
	grep -q '<span class="l marked" id="L500001">.*lost the frame' <<<"$answer"
	api GET "/units/$unit/log?from=end"
	grep -q 'id="L503001"' <<<"$answer"
	api GET "/units/$unit/log?line=9999999"
	grep -q 'has no line 9999999' <<<"$answer"
}

@test "the token form leads to the page that was asked for and nowhere else" {
	api POST '/login?next=/jobs/x' --data "token=$(token)" -D headers
	[ "$code" = 303 ]
	grep -qi '^location: /jobs/x' headers
	for next in //example.org/ 'https://example.org/' '/\example.org' ''; do
		api POST "/login?next=$(jq -rn --arg next "$next" '$next | @uri')" --data "token=$(token)" -D headers
		grep -qi $'^location: /\r*$' headers
	done
	api POST '/login?next=/jobs/x' --data 'token=abc'
	[ "$code" = 401 ]
	grep -q 'action="/login?next=/jobs/x"' <<<"$answer"
}

@test "an answer that no role may have is whole JSON" {
	TOKEN=wrong api GET /api/v1/status
	[ "$code" = 401 ]
	[ "$(get .error)" = denied ]
}

slow_bisection() {
	line "$STATE/$1" 100 41-:bug
	job "$STATE/$1" | sed 's/test -e dies/sleep 1; test -e dies/' >slow.yaml
	job="$(ctl submit --wait --json slow.yaml | jq -r .id)"
	id="$(ctl bisect --job "$job" --good c1 --error-id suite.the_bug.fail)"
}

@test "Ctrl-C ends the watching and not the bisection" {
	slow_bisection interrupted
	# A shell without job control starts what runs beside it with SIGINT ignored.
	set -m
	ctl_program=("$BISECTCTL" watch --server "$SERVER" --token-file "$STATE/s/admin.token" "$id")
	"${ctl_program[@]}" >out 2>err 3>&- &
	watcher=$!
	set +m
	wait_until 30 grep -q 'run 1' err
	kill -INT "$watcher"
	got=0
	wait "$watcher" || got=$?
	cat err
	[ "$got" = 130 ]
	grep -q "goes on: bisectctl watch $id" err
	api GET "/api/v1/bisections/$id"
	[ "$(get .state)" = running ]
	ctl cancel "$id"
}

@test "watch goes on by itself when bisectd is started again" {
	STATE="$(mktemp -d /tmp/bd.XXXXXX)" PORT=0 OWN_SERVICE=1
	start_service --build-slots 1 --test-slots 1 --lease 10s
	slow_bisection restarted
	"$BISECTCTL" watch --json --server "$SERVER" --token-file "$STATE/s/admin.token" "$id" >out 2>err 3>&- &
	watcher=$!
	wait_until 30 grep -q 'run 2' err
	kill -KILL "$DAEMON"
	wait_until 30 grep -q 'does not answer' err
	start_service --build-slots 1 --test-slots 1 --lease 10s
	wait "$watcher"
	grep -q 'is back' err
	[ "$(jq -r .verdict.commit out)" = "$(hex "$STATE/restarted" c41)" ]
	# No run is told twice.
	[ -z "$(grep -o '^run [0-9]*' err | sort | uniq -d)" ]
}
