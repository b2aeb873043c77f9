#!/usr/bin/env bats
# The pages in a real browser.  PAGES_SHOTS=DIR keeps the screenshots.
load webdriver
load ../e2e/lib_service

setup_file() {
	isolate_git
	start_service --build-slots 1 --test-slots 2
	start_browser
	line "$STATE/done" 40 23-:bug 30-:other
	submit_job done 0
	answer="$(ctl bisect --watch --json --job "$job_id" --good c1 --error-id suite.the_bug.fail)"
	DONE="$(get .id)"
	export DONE
}

teardown_file() {
	end_browser
	end_service
}

setup() {
	isolate_git
	BATS_TEST_TIMEOUT=100
}

teardown() {
	if [ -z "${BATS_TEST_COMPLETED:-}" ] && [ -n "${SESSION:-}" ]; then
		shot "${PAGES_SHOTS:-$BROWSER_DIR}/failed-$BATS_TEST_NUMBER.png" || true
	fi
	close_browser
	[ -z "${OWN_SERVICE:-}" ] || end_service
}

# submit_job NAME SECONDS: a job whose test takes so long
submit_job() {
	job "$STATE/$1" | sed "s/test -e dies/sleep $2; test -e dies/" >"$STATE/$1.yaml"
	answer="$(ctl submit --wait --json "$STATE/$1.yaml")"
	job_id="$(get .id)"
}

keep_shot() { [ -z "${PAGES_SHOTS:-}" ] || shot "$PAGES_SHOTS/$1.png"; }

fits_the_width() {
	js 'return [document.documentElement.scrollWidth, window.innerWidth]'
	echo "$1: wide and shown: $value"
	js_is 'return document.documentElement.scrollWidth <= window.innerWidth && window.innerWidth === 390'
}

is_quiet() {
	run console_errors
	echo "$output"
	[ -z "$output" ]
}

@test "the home page lists the bisection and its verdict" {
	open_browser
	go "$SERVER/"
	js_is "return document.querySelector('a[href=\"/bisections/$DONE\"]') !== null"
	js_is 'return document.body.innerText.includes("suite.the_bug.fail") && document.body.innerText.includes("change 23")'
	keep_shot home
	is_quiet
}

@test "the page of a running bisection follows it without being loaded again" {
	line "$STATE/live" 200 77-:bug
	submit_job live 1
	id="$(ctl bisect --job "$job_id" --good c1 --error-id suite.the_bug.fail)"
	open_browser
	go "$SERVER/bisections/$id"
	js 'window.notLoadedAgain = 1'
	wait_until 60 js_is 'return document.querySelectorAll("tr.probe.bad, tr.probe.good").length >= 2'
	keep_shot running
	wait_until 60 js_is 'return document.querySelectorAll("tr.probe.bad, tr.probe.good").length >= 5'
	wait_until 100 js_is 'return document.querySelector("#verdict") !== null'
	js_is 'return window.notLoadedAgain === 1'
	js_is "return document.querySelector('#verdict').innerText.includes('$(hex "$STATE/live" c77)')"
	keep_shot finished
	is_quiet
}

@test "without JavaScript the finished page has verdict, checks, chart and every run" {
	open_browser
	cdp Emulation.setScriptExecutionDisabled '{"value": true}'
	go "$SERVER/bisections/$DONE"
	wd GET "/session/$SESSION/source"
	source="$(jq -r . <<<"$value")"
	[[ "$source" == *"$(hex "$STATE/done" c23)"* ]]
	[[ "$source" == *'First bad commit'* ]]
	[[ "$source" == *'Checks</caption>'* ]]
	[[ "$source" == *'<svg'* ]]
	api GET "/api/v1/bisections/$DONE"
	while read -r seq; do
		[[ "$source" == *"id=\"probe-$seq\""* ]]
	done < <(get '.probes[].seq')
	wd POST "/session/$SESSION/element" '{"using": "css selector", "value": "#verdict"}'
	element="$(jq -r 'to_entries[0].value' <<<"$value")"
	wd GET "/session/$SESSION/element/$element/rect"
	[ "$(jq '.width > 100 and .height > 50' <<<"$value")" = true ]
}

@test "the evidence of a run leads to the line in its log" {
	open_browser
	go "$SERVER/bisections/$DONE"
	js 'document.querySelector("tr.probe.bad a[href*=\"line=\"]").click()'
	wait_until 10 js_is 'return document.querySelector(".marked") !== null'
	js_is 'return document.querySelector(".marked").innerText.includes("not ok 2 - the bug")'
	js_is 'const r = document.querySelector(".marked").getBoundingClientRect(); return r.top >= 0 && r.bottom <= window.innerHeight'
	keep_shot log
	is_quiet
}

@test "on a phone nothing has to be moved sideways" {
	open_browser 390 844
	api GET "/api/v1/bisections/$DONE"
	job="$(get .job_id)"
	unit="$(get 'first(.probes[].test_unit | select(.))')"
	for path in / "/bisections/$DONE" "/jobs/$job" "/units/$unit/log" /status /bisections/nothing; do
		go "$SERVER$path"
		fits_the_width "$path"
	done
	go "$SERVER/bisections/$DONE"
	keep_shot phone
}

@test "foreign text on a page stays text" {
	line "$STATE/hostile" 5 3-:bug
	git -C "$STATE/hostile" tag -d c5 >/dev/null
	git -C "$STATE/hostile" update-ref refs/heads/main \
		"$(git -C "$STATE/hostile" commit-tree -p c4 -m '<script>window.pwned = 1</script><img src=x onerror="window.pwned = 1">' 'main^{tree}')"
	job "$STATE/hostile" | sed 's/not ok 2 - the bug/not ok 2 - <script>window.pwned = 1<\/script>/' >"$STATE/hostile.yaml"
	answer="$(ctl submit --wait --json "$STATE/hostile.yaml")"
	job_id="$(get .id)"
	error="$(get 'first(.result.errors[].id | select(contains("script")))')"
	answer="$(ctl bisect --watch --json --job "$job_id" --good c1 --error-id "$error")"
	open_browser
	for path in "/bisections/$(get .id)" "/jobs/$job_id" "/units/$(get 'first(.probes[] | select(.observation == "bad")).test_unit')/log" /; do
		go "$SERVER$path"
		js_is 'return window.pwned === undefined && document.body.innerText.includes("script")'
	done
	is_quiet
}

@test "the page says that the connection is lost, and follows again when bisectd is back" {
	STATE="$(mktemp -d /tmp/bd.XXXXXX)" PORT=0 OWN_SERVICE=1
	start_service --build-slots 1 --test-slots 1
	line "$STATE/lost" 100 41-:bug
	submit_job lost 1
	id="$(ctl bisect --job "$job_id" --good c1 --error-id suite.the_bug.fail)"
	open_browser
	go "$SERVER/bisections/$id"
	js 'window.notLoadedAgain = 1'
	wait_until 60 js_is 'return document.querySelectorAll("tr.probe.bad, tr.probe.good").length >= 2'
	js_is 'return document.querySelector("#connection").hidden'
	stop_service
	wait_until 20 js_is 'const c = document.querySelector("#connection"); return !c.hidden && c.innerText.includes("lost")'
	keep_shot lost
	start_service --build-slots 1 --test-slots 1
	wait_until 30 js_is 'return document.querySelector("#connection").hidden'
	wait_until 100 js_is 'return document.querySelector("#verdict") !== null'
	js_is 'return window.notLoadedAgain === 1'
}

@test "a page with a token in front is opened by the form" {
	STATE="$(mktemp -d /tmp/bd.XXXXXX)" PORT=0 OWN_SERVICE=1
	start_service --private-pages
	open_browser
	go "$SERVER/status"
	js_is 'return document.querySelector("input[name=token]") !== null'
	js "document.querySelector('input[name=token]').value = '$(token)'; document.querySelector('form').submit()"
	wait_until 10 js_is 'return document.querySelector("input[name=token]") === null'
	js_is 'return location.pathname === "/status"'
	go "$SERVER/status"
	js_is 'return document.querySelector("input[name=token]") === null'
}
