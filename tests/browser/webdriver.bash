# A browser for the tests: Debian's chromedriver and chromium over WebDriver (W3C), spoken with curl.

# start_browser: a chromedriver on a free port in $DRIVER, all its files in $BROWSER_DIR.
start_browser() {
	BROWSER_DIR="$(mktemp -d /tmp/bw.XXXXXX)"
	HOME="$BROWSER_DIR" chromedriver --port=0 >"$BROWSER_DIR/log" 2>&1 3>&- &
	DRIVER_PID=$!
	wait_until 30 grep -qs 'started successfully on port' "$BROWSER_DIR/log"
	DRIVER="http://127.0.0.1:$(sed -n 's/.*started successfully on port \([0-9]*\).*/\1/p' "$BROWSER_DIR/log")"
	export BROWSER_DIR DRIVER DRIVER_PID
}

end_browser() {
	kill -TERM "$DRIVER_PID" 2>/dev/null || true
	wait_until 10 gone "$DRIVER_PID" || kill -KILL "$DRIVER_PID"
	rm -rf "${BROWSER_DIR:?}"
}

# wd METHOD PATH [JSON]: the value of the answer in $value
wd() {
	local out
	out="$(curl -sS -m 60 -X "$1" ${3:+--data "$3"} "$DRIVER$2")" || return 1
	value="$(jq -c .value <<<"$out")"
	if [ "$(jq -r '.value | type == "object" and has("error")' <<<"$out")" = true ]; then
		echo "$1 $2: $(jq -r .value.message <<<"$out" | head -n1)" >&2
		return 1
	fi
}

# open_browser [WIDTH HEIGHT]: a fresh profile in $SESSION
open_browser() {
	wd POST /session "$(jq -n --arg dir "$(mktemp -d "$BROWSER_DIR/p.XXXX")" '{ capabilities: { alwaysMatch: {
		"browserName": "chrome", "goog:loggingPrefs": { browser: "ALL" }, "goog:chromeOptions": { args: [
		"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe",
		"--disable-background-networking", "--user-data-dir=\($dir)" ] } } } }')"
	SESSION="$(jq -r .sessionId <<<"$value")"
	[ $# = 0 ] || cdp Emulation.setDeviceMetricsOverride "{\"width\": $1, \"height\": $2, \"deviceScaleFactor\": 1, \"mobile\": true}"
}

close_browser() {
	[ -z "${SESSION:-}" ] || wd DELETE "/session/$SESSION"
	SESSION=
}

cdp() { wd POST "/session/$SESSION/goog/cdp/execute" "{\"cmd\": \"$1\", \"params\": $2}"; }

go() { wd POST "/session/$SESSION/url" "{\"url\": \"$1\"}"; }

# js SCRIPT: its result in $value
js() { wd POST "/session/$SESSION/execute/sync" "$(jq -n --arg script "$1" '{ script: $script, args: [] }')"; }

# js_is SCRIPT: is its result true?
js_is() { js "$1" && [ "$value" = true ]; }

# shot FILE
shot() {
	wd GET "/session/$SESSION/screenshot"
	jq -r . <<<"$value" | base64 -d >"$1"
}

# What the page said to the console, errors and warnings.
console_errors() {
	wd POST "/session/$SESSION/se/log" '{"type": "browser"}'
	jq -r '.[] | select(.level == "SEVERE" or .level == "WARNING") | .message' <<<"$value"
}
