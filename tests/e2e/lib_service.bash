# Helpers of the tests of the service: a bisectd --standalone of its own for a file, small repositories, the API.

# start_service [OPTION...]: state in $STATE (a short path: sockets), its address in $SERVER, its process in $DAEMON.
start_service() {
	STATE="${STATE:-$(mktemp -d /tmp/bd.XXXXXX)}"
	rm -f "$STATE/port"
	"${BISECTD:?names the program}" --standalone --state-dir "$STATE/s" --port "${PORT:-0}" --port-file "$STATE/port" "$@" \
		>>"$STATE/log" 2>&1 3>&- &
	DAEMON=$!
	wait_until 30 test -s "$STATE/port" || { tail "$STATE/log"; return 1; }
	PORT="$(cat "$STATE/port")"
	SERVER="http://127.0.0.1:$PORT"
	export STATE PORT SERVER DAEMON
}

stop_service() {
	kill -TERM "$DAEMON" 2>/dev/null || true
	wait_until 20 gone "$DAEMON" || kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null || true
}

end_service() {
	stop_service
	rm -rf "${STATE:?}"
}

# Ended, whether or not somebody has collected its status.
gone() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	[[ "${stat##*) }" == [ZX]* ]]
}

# wait_until SECONDS COMMAND...
wait_until() {
	local deadline=$((SECONDS + $1)) -
	set +T
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		pause
	done
}

# pause: a tenth of a second, without a process, of which the waits would start thousands
pause() {
	[ -n "${silence:-}" ] || exec {silence}<> <(:)
	read -r -t 0.1 -u "$silence" || true
}

token() { echo "$(<"$STATE/s/${1:-admin}.token")"; }

# api METHOD PATH [curl option...]: the answer is in $answer, its status in $code.  Where no more than --data is given, it is asked without
# a program, as the tests ask thousands of times.
api() {
	local method="$1" path="$2" out -
	set +T	# bats looks at each command of each function otherwise
	shift 2
	if [ $# = 0 ] || { [ $# = 2 ] && [[ "$1" == --data* && "$2" != @* ]]; }; then
		exchange "$method" "$path" "${2-}"
		return
	fi
	out="$(curl -sS -m 60 --path-as-is -X "$method" -w '\n%{http_code}' -H "Authorization: Bearer ${TOKEN-$(token)}" "$@" "$SERVER$path")" ||
		return 1
	code="${out##*$'\n'}"
	answer="${out%$'\n'*}"
}

# exchange METHOD PATH BODY: as api.  To HTTP/1.0 no server answers in chunks.
exchange() {
	local LC_ALL=C socket line length=''
	answer='' code=''
	exec {socket}<>"/dev/tcp/127.0.0.1/$PORT" || return 1
	printf '%s %s HTTP/1.0\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n%s\r\n%s' "$1" "$2" "$PORT" \
		"${TOKEN-$(token)}" "${#3}" "${3:+$'Content-Type: application/x-www-form-urlencoded\r\n'}" "$3" >&"$socket"
	while read -r -t 60 -u "$socket" line && [ "$line" != $'\r' ]; do
		case "${line,,}" in
		http/*) code="${line:9:3}" ;;
		content-length:*) length="${line//[!0-9]/}" ;;
		esac
	done
	if [ -n "$length" ]; then
		[ "$length" = 0 ] || IFS='' read -r -t 60 -u "$socket" -N "$length" answer || code=''
	else
		IFS='' read -r -t 60 -u "$socket" -d '' answer || true
	fi
	exec {socket}>&-
	[ -n "$code" ]
}

# get FILTER: of $answer, as jq -r has it
get() {
	local -
	set +T
	if [[ "$1" =~ ^(\.[a-z_]+)+$ ]]; then
		members "$1"
	else
		jq -r "$1" <<<"$answer"
	fi
}

# members PATH...: what stands in $answer at .such.paths, with blanks between.  SQLite starts in a third of the time of jq, and the tests ask
# thousands of times.
members() {
	local path values=''
	for path; do
		values+="${values:+ || ' ' || }coalesce(iif(json_type(j, '\$$path') IN ('text', 'real'), j ->> '\$$path', j -> '\$$path'), 'null')"
	done
	sqlite3 -batch -bail :memory: <<<"WITH answer(j) AS (SELECT '${answer//\'/\'\'}') SELECT $values FROM answer;"
}

ctl() {
	local command="$1" -
	set +T
	shift
	timeout -k 5 150 "${BISECTCTL:?names the program}" "$command" --server "$SERVER" --token-file "$STATE/s/admin.token" "$@"
}

# --- repositories ---

isolate_git() {
	export HOME="$BATS_FILE_TMPDIR" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
	export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
	unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
}

# line REPO N [FROM-TO:FILE...]: a straight history of N commits c1..cN (tags), each with its number in the file `number`;
# FILE is there in commits FROM to TO (or to the last, without TO).
line() {
	local repo="$1" n="$2"
	shift 2
	git init -q -b main "$repo"
	awk -v n="$n" -v files="$*" -v salt="$repo" '
	function data(text) { printf "data %d\n%s\n", length(text), text }
	BEGIN {
		k = split(files, part, " ")
		for (v = 1; v <= n; v++) {
			printf "commit refs/heads/main\nmark :%d\ncommitter A <a@example.org> %d +0000\n", v, 1.6e9 + 60 * v
			data("change " v)
			if (v > 1) print "from :" v - 1
			print "M 100644 inline number"; data(v " " salt)
			for (i = 1; i <= k; i++) {
				split(part[i], f, ":"); to = n
				if (split(f[1], range, "-") > 1 && range[2]) to = range[2]
				if (v >= range[1] && v <= to) { print "M 100644 inline " f[2]; data("x") }
				else if (v > 1) print "D " f[2]
			}
			printf "reset refs/tags/c%d\nfrom :%d\n\n", v, v
		}
		print "done"
	}' | git -C "$repo" fast-import --quiet --done
}

hex() { git -C "$1" rev-parse --verify -q "$2^{commit}"; }

# job REPO [COMMIT]: a job.yaml whose test shows suite.the_bug.fail where there is a file `bug`, suite.something_else.fail where
# there is `other`, dies early where there is `dies`, and does not build where there is `broken`.
job() {
	cat <<-END
		suite: suite
		upstream_url: '$1'
		upstream_commit: ${2:-main}
		build:
		  run: |
		    if test -e broken; then echo "main.c:3:1: error: unknown type name 'shelf'" >&2; exit 1; fi
		test:
		  run: |
		    echo 1..2
		    test -e dies && exit 3
		    if test -e other; then echo "not ok 1 - something else"; else echo "ok 1 - something else"; fi
		    if test -e bug; then echo "not ok 2 - the bug"; else echo "ok 2 - the bug"; fi
		    test ! -e bug -a ! -e other
		timeout: 1m
	END
}

# submit REPO [COMMIT]: the job's record in $answer once it ended, its id in $job_id.
submit() {
	job "$@" >"$BATS_TEST_TMPDIR/job.yaml"
	answer="$(ctl submit --wait --json "$BATS_TEST_TMPDIR/job.yaml")" || { echo "$answer"; return 1; }
	job_id="$(get .id)"
}

# bisect ERROR [OPTION...]: of $job_id to its end; the bisection in $answer.
bisect() {
	answer="$(ctl bisect --watch --json --job "$job_id" --error-id "$@")" || true
	echo "${answer:0:5000}"
	[ "$(get .id)" != null ]
}

rows() { sqlite3 -cmd '.timeout 5000' "$STATE/s/warehouse.db" "$1"; }

# --- agents that are played ---

# foreign REPO [FILE]: submits a job for an arch that only the agents of `play` have; its id in $job_id.
foreign() {
	{ job "$1"; echo 'os_arch: aarch64'; } >"$BATS_TEST_TMPDIR/job.yaml"
	job_id="$(ctl submit "$BATS_TEST_TMPDIR/job.yaml")"
}

# shows REPO COMMIT REPEAT AGENT: where the commit has the file; the agent that is called sick shows it always.
declare -gA has_bug=()
shows() {
	[ "$4" != sick ] || return 0
	[ -n "${has_bug[$2]:-}" ] || has_bug[$2]="$(git -C "$1" ls-tree --name-only "$2" bug | wc -l)"
	[ "${has_bug[$2]}" = 1 ]
}

# sum TEXT: its SHA-256 in $sha
sum() {
	sha="$(sha256sum <<<"$1")"
	sha="${sha%% *}"
}

# play REPO BUILD_MS TEST_MS COMMAND...: four agents ($AGENTS) take what there is of that arch until COMMAND holds, which is asked when
# there is nothing to take, or with EACH=1 before each unit.  A test shows the bug where `shows` says so.
play() {
	local repo="$1" build_ms="$2" test_ms="$3" deadline=$((SECONDS + 300)) n=0 agents
	local agent unit epoch kind commit repeat sha outcome errors now -
	set +T
	read -ra agents <<<"${AGENTS:-w0 w1 w2 w3}"
	local TOKEN="${TOKEN-$(token)}"
	shift 3
	while :; do
		[ $SECONDS -lt $deadline ] || return 1
		[ -z "${EACH:-}" ] || ! "$@" || return 0
		agent="${agents[n++ % 4]}"
		api POST /api/v1/units/claim --data "{\"agent\": \"$agent\", \"lanes\": [\"build/aarch64\", \"test/dc/aarch64\"], \"wait_s\": 0}"
		if [ "$code" != 200 ]; then
			! "$@" || return 0
			pause
			continue
		fi
		read -r unit epoch kind commit repeat < <(members .id .epoch .payload.kind .payload.commit .payload.repeat)
		now="${EPOCHREALTIME/./}"
		now="${now:0:-3}"
		if [ "$kind" = build ]; then
			sum "$commit"
			api PUT "/api/v1/artifacts/$sha" --data-binary "$commit"$'\n'
			api POST "/api/v1/units/$unit/finish" --data "{\"agent\": \"$agent\", \"epoch\": $epoch, \"result\":
				{\"outcome\": \"pass\", \"artifact\": \"$sha\", \"started_ms\": $now, \"finished_ms\": $((now + build_ms))}}"
		else
			outcome=pass errors='[]'
			if shows "$repo" "$commit" "$repeat" "$agent"; then
				outcome=fail errors='[{"id": "suite.the_bug.fail", "line": "not ok 2 - the bug", "line_number": 3}]'
			fi
			api POST "/api/v1/units/$unit/finish" --data "{\"agent\": \"$agent\", \"epoch\": $epoch, \"result\":
				{\"outcome\": \"$outcome\", \"complete\": true, \"errors\": $errors, \"started_ms\": $now,
				\"finished_ms\": $((now + test_ms))}}"
		fi
		[ "$code" = 200 ]
	done
}

job_ended() {
	api GET "/api/v1/jobs/$1"
	[ "$(get .state)" = "done" ]
}

# ended ID: not so where nobody answers
ended() { api GET "/api/v1/bisections/$1" && [ "$code" = 200 ] && [[ "$(get .state)" != @(running|waiting) ]]; }
