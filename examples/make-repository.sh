#!/bin/sh
# make-repository.sh DIR [COMMITS]: the example repository DIR/tally, and beside it DIR/planted: the commit that brings the
# error tally.words_of_one_count_keep_their_order.fail.  The same history every time.
#
# A program of several files (examples/tally) grows over 480 commits with more than 60 merges.  In it, by intent:
#   - the planted commit is on a side branch, so that a merge brings it to main;
#   - 15 commits in a row, half-way, do not compile;
#   - another test (a_table_that_grows_keeps_its_words) fails now and then, and at the newest commit;
#   - in a few commits the tests abort before they come to the one that matters.
# --good v1.0 --bad main is the range.
set -eu

[ $# -ge 1 ] || { echo "usage: make-repository.sh DIR [COMMITS]" >&2; exit 2; }
dir=$1
commits=${2:-480}
templates=$(cd "$(dirname "$0")" && pwd)/tally
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

mkdir -p "$dir"
rm -rf "$dir/tally" "$dir/planted"
git init -q -b main "$dir/tally"

awk -v templates="$templates" -v commits="$commits" '
# --- a fixed sequence of numbers ---
function random(n) { seed = (seed * 1103515245 + 12345) % 2147483648; return int(seed / 65536) % n }

# --- files from templates ---
# "@name@" in a line is a value; a line "@name@" alone is a list; "@if FLAG@" and "@unless FLAG@" begin a line of a variant.
# A line of development has the values of the one it left, by name: value[line, name].
function read_template(file,    line) {
	while ((getline line < (templates "/" file)) > 0) {
		template[file, ++template_lines[file]] = line
		if (match(line, /@[a-z_]+@/))
			uses[file] = uses[file] " " substr(line, RSTART + 1, RLENGTH - 2)
		else if (match(line, /^@(if|unless) [a-z]+@/))
			uses[file] = uses[file] " " flag_of(substr(line, 1, RLENGTH))
	}
	close(templates "/" file)
	files[++n_files] = file
}
function flag_of(mark) { sub(/^@(if|unless) /, "", mark); sub(/@$/, "", mark); return mark }
function render(on, file,    i, line, flag, name, out) {
	for (i = 1; i <= template_lines[file]; i++) {
		line = template[file, i]
		if (match(line, /^@(if|unless) [a-z]+@/)) {
			flag = value[on, flag_of(substr(line, 1, RLENGTH))] + 0
			if (flag != (line ~ /^@if/))
				continue
			line = substr(line, RLENGTH + 1)
		} else if (match(line, /@[a-z_]+@/)) {
			name = substr(line, RSTART + 1, RLENGTH - 2)
			if (line == "@" name "@") {
				out = out value[on, name]
				continue
			}
			line = substr(line, 1, RSTART - 1) value[on, name] substr(line, RSTART + RLENGTH)
		}
		out = out line "\n"
	}
	return out
}
function names_differ(file, changed,    i, n, names) {
	n = split(uses[file], names, " ")
	for (i = 1; i <= n; i++)
		if (names[i] in changed)
			return 1
	return 0
}

# --- commits ---
function data(text) { printf "data %d\n%s\n", length(text), text }
# The values named in `changed` differ from those of the parent.
function commit(on, subject, changed, merged,    who, i) {
	v++
	when += 3600 + random(20000)
	who = people[1 + random(n_people)]
	printf "commit refs/heads/%s\nmark :%d\nauthor %s %d +0000\ncommitter %s %d +0000\n", on, v, who, when, who, when
	data(subject)
	if (tip[on])
		printf "from :%d\n", tip[on]
	if (merged)
		printf "merge :%d\n", merged
	for (i = 1; i <= n_files; i++) {
		if (v > 1 && !names_differ(files[i], changed))
			continue
		printf "M 100644 inline %s\n", files[i]
		data(render(on, files[i]))
	}
	print ""
	tip[on] = v
	split("", changed)
}
# What a person does on an ordinary day.
function ordinary(on,    kind, word, changed) {
	kind = random(8)
	if (kind <= 2 && n_words < n_vocabulary) {
		word = vocabulary[++n_words]
		add(on, "words", "\t\"" word "\",\n", changed)
		commit(on, "words: leave out \"" word "\"", changed)
	} else if (kind == 3) {
		set(on, "size_first", 8 * (1 + random(9)), changed)
		commit(on, "table: begin with " value[on, "size_first"] " slots", changed)
	} else if (kind == 4) {
		set(on, "word_bytes", 40 + random(200), changed)
		commit(on, "text: words of up to " value[on, "word_bytes"] " bytes", changed)
	} else if (kind == 5) {
		set(on, "top_default", 5 + random(40), changed)
		commit(on, "report: show " value[on, "top_default"] " words where nothing is said", changed)
	} else if (kind == 6) {
		word = 100 + random(900000)
		add(on, "numbers", "\t{ \"" word "\", " word " },\n", changed)
		commit(on, "tests: read the number " word, changed)
	} else {
		n_news++
		add(on, "news", "- " n_news ": small things in " areas[1 + random(4)] "\n", changed)
		commit(on, "news: entry " n_news, changed)
	}
}
function set(on, name, text, changed) { value[on, name] = text; changed[name] = 1; own[on, name] = "=" text }
function add(on, name, text, changed) { value[on, name] = value[on, name] text; changed[name] = 1; own[on, name] = own[on, name] text }
function flag(name, text, subject,    changed) {
	set("main", name, text, changed)
	commit("main", subject, changed)
}

function fork(on,    i) {
	for (i = 1; i <= n_names; i++) {
		value[on, names[i]] = value["main", names[i]]
		delete own[on, names[i]]
	}
	tip[on] = tip["main"]
	printf "reset refs/heads/%s\nfrom :%d\n\n", on, tip["main"]
}
function merge(on, subject,    i, changed, text) {
	for (i = 1; i <= n_names; i++) {
		text = own[on, names[i]]
		if (text == "")
			continue
		if (substr(text, 1, 1) == "=")
			value["main", names[i]] = substr(text, 2)
		else
			value["main", names[i]] = value["main", names[i]] text
		changed[names[i]] = 1
	}
	commit("main", subject, changed, tip[on])
	printf "reset refs/heads/%s\nfrom 0000000000000000000000000000000000000000\n\n", on
}
# A side branch, main going on beside it, and the merge.
function cycle(planted,    i, n, changed) {
	branch = "topic-" (++n_branches)
	fork(branch)
	n = 1 + random(3)
	for (i = 0; i < n; i++) {
		ordinary(branch)
		if (random(2))
			ordinary("main")
	}
	if (planted) {
		ordinary("main")
		set(branch, "unstable", 1, changed)
		commit(branch, "sort: take from the second half first", changed)
		print v > "/dev/stderr"
		ordinary(branch)
		ordinary("main")
	}
	if (n == 1 || random(2))
		ordinary("main")
	merge(branch, "Merge " branch)
}
function table_is(what) {
	if (what == "fine" && (value["main", "loses"] || value["main", "aborts"])) {
		if (value["main", "aborts"])
			flag("aborts", 0, "table: the bound on growing goes")
		if (value["main", "loses"])
			flag("loses", 0, "table: copy all slots")
	} else if (what == "loses" && !value["main", "loses"]) {
		flag("loses", 1, "table: the first slots need no copy")
	} else if (what == "aborts" && !value["main", "aborts"]) {
		flag("aborts", 1, "table: bound the growing")
	}
}
function tag(name) { printf "reset refs/tags/%s\nfrom :%d\n\n", name, tip["main"] }

BEGIN {
	seed = 2024; when = 1672657200; planted = 0
	n_people = split("Ada Berg <ada@example.org>|Ben Okoye <ben@example.org>|Chen Li <chen@example.org>|Dana Ruiz <dana@example.org>", people, "|")
	split("text|number|table|report", areas, "|")
	n_vocabulary = split("a an and are as at be been but by can could did do does each for from had has have he her here him his " \
		"how i if in into is it its just like made make many may me might more most much must my no nor not now of off on once " \
		"one only or other our out over own same she should so some such than that their them then there these they this those " \
		"through to too two under until up upon us very was we were what when where which while who whom why will with would yes " \
		"yet you your about above across after again against all almost along already also although always am among any anyone " \
		"anything around away back became because become before behind being below between both came cannot come down during " \
		"either else enough even ever every few first found further gave get give go goes gone got great hence however inside " \
		"instead itself keep kept last later least less let long made mine mostly myself near neither never next nobody none " \
		"nothing nowhere often onto others otherwise ought ours part perhaps put quite rather really said saw say seem seen " \
		"several shall since somehow someone something still take thence third though thus together took toward twice unless " \
		"used using via want well went whatever whether whole whose within without", vocabulary, " ")
	n_names = split("words numbers news size_first word_bytes top_default unstable loses aborts renamed", names, " ")
	split("", none)
	value["main", "size_first"] = 16; value["main", "word_bytes"] = 64; value["main", "top_default"] = 10
	n = split("Makefile README NEWS src/text.h src/text.c src/number.h src/number.c src/words.h src/words.c src/table.h src/table.c " \
		"src/sort.h src/sort.c src/report.h src/report.c src/main.c tests/all.c", list, " ")
	for (i = 1; i <= n; i++)
		read_template(list[i])

	commit("main", "tally: count the words of a text", none)
	while (v < 12)
		ordinary("main")
	tag("v1.0")
	while (v < commits * 0.485) {
		table_is(v > 90 && v < 140 || v > 190 && v < 220 ? "loses" : "fine")
		cycle(0)
	}
	table_is("fine")
	tag("v1.1")
	# 15 commits that do not compile: report.c still has the old name.
	first = v + 1
	flag("renamed", 1, "table: call it taken")
	while (v < first + 14)
		ordinary("main")
	flag("renamed", 0, "table: call it used again")
	while (v < commits * 0.64) {
		table_is(v > 275 && v < 285 ? "aborts" : v > 290 ? "loses" : "fine")
		cycle(0)
	}
	tag("v1.2")
	cycle(1)
	while (v < commits - 8) {
		table_is(v > 325 && v < 335 || v > 395 && v < 402 ? "aborts" : v < 345 || v > 430 ? "loses" : "fine")
		if (value["main", "aborts"] && !(v > 325 && v < 335 || v > 395 && v < 402))
			flag("aborts", 0, "table: the bound on growing goes")
		cycle(0)
	}
	while (v < commits)
		ordinary("main")
	print "done"
}' 2>"$dir/planted.mark" >"$dir/stream" || { cat "$dir/planted.mark" >&2; exit 1; }
git -C "$dir/tally" fast-import --quiet --done --export-marks="$dir/marks" <"$dir/stream"
git -C "$dir/tally" reset -q --hard main
sed -n "s/^:$(cat "$dir/planted.mark") //p" "$dir/marks" >"$dir/planted"
rm -f "$dir/stream" "$dir/marks" "$dir/planted.mark"
grep -qE '^[0-9a-f]{40}$' "$dir/planted"
