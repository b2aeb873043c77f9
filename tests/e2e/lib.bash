# Helpers of the end-to-end tests: repositories that come out the same everywhere, and what to compare.

# The program under test: $BISECTCTL, else the one of the build directory (or of the source tree, built in place).
find_bisectctl() {
	local root
	root="$(cd "$BATS_TEST_DIRNAME/../.." && pwd)"
	BISECTCTL="${BISECTCTL:-${abs_top_builddir:-${builddir:-$root}}/programs/bisectctl}"
	[ -x "$BISECTCTL" ] || { echo "no bisectctl at $BISECTCTL: build it, or set BISECTCTL" >&2; return 1; }
}

# Nothing of the person's own git configuration shows in the tests.
isolate_git() {
	export HOME="$BATS_TEST_TMPDIR" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
	export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
	unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
}

# history COMMITS CULPRIT [MERGES] [SKIP_FROM SKIP_TO]: a stream for git fast-import.  Every commit has a file `number`, a
# tag v<number>, and a file `bug` iff the culprit is it or among its ancestors; a file `skip` in a range of numbers.  With
# MERGES = 1 about every fifth commit is a merge of two lines that were open.
history() {
	awk -v commits="$1" -v culprit="$2" -v merges="${3:-0}" -v skip_from="${4:-0}" -v skip_to="${5:-0}" '
	function random(n) { seed = (seed * 1103515245 + 12345) % 2147483648; return int(seed / 65536) % n }
	function data(text) { printf "data %d\n%s\n", length(text), text }
	function commit(v, p, q,    name) {
		bad[v] = v == culprit || bad[p] || bad[q]
		printf "commit refs/heads/main\nmark :%d\n", v
		printf "author A <a@example.org> %d +0000\ncommitter A <a@example.org> %d +0000\n", 1.6e9 + v * 60, 1.6e9 + v * 60
		data("change " v)
		if (p) printf "from :%d\n", p
		if (q) printf "merge :%d\n", q
		print "M 100644 inline number"; data(v "")
		if (bad[v]) { print "M 100644 inline bug"; data("bug") }
		if (v >= skip_from && v <= skip_to) { print "M 100644 inline skip"; data("skip") }
		else if (p) print "D skip"
		printf "reset refs/tags/v%d\nfrom :%d\n\n", v, v
	}
	BEGIN {
		seed = 42; commit(1, 0, 0); tips = 1; tip[0] = 1
		for (v = 2; v <= commits; v++) {
			i = random(tips)
			if (!merges) { commit(v, v - 1, 0); continue }
			if (tips > 1 && (random(4) == 0 || commits - v < tips)) {
				j = (i + 1 + random(tips - 1)) % tips
				commit(v, tip[i], tip[j]); tip[i] = v; tip[j] = tip[--tips]
			} else if (tips < 6 && random(3) == 0 && commits - v > tips + 1) {
				from = tip[i]; commit(v, from, 0); tip[tips++] = v
			} else { commit(v, tip[i], 0); tip[i] = v }
		}
		print "done"
	}'
}

# make_repo DIR COMMITS CULPRIT [MERGES] [SKIP_FROM SKIP_TO]
make_repo() {
	local dir="$1"
	shift
	git init -q -b main "$dir"
	history "$@" | git -C "$dir" fast-import --quiet --done
	git -C "$dir" checkout -q -f main
}

# hex DIR REVISION...
hex() { git -C "$1" rev-parse "${@:2}"; }

# git_bisect DIR GOOD BAD COMMAND...: what git names: the first bad commit, or the sorted candidates when only skips are left.
git_bisect() {
	local copy="$BATS_TEST_TMPDIR/git-bisect-copy" good="$2" bad="$3" output
	rm -rf "$copy"
	git clone -q "$1" "$copy"
	shift 3
	git -C "$copy" bisect start "$bad" "$good" >/dev/null
	output="$(cd "$copy" && git bisect run "$@" 2>&1)" || true
	if grep -q 'is the first bad commit' <<<"$output"; then
		grep -o '^[0-9a-f]* is the first bad commit' <<<"$output" | cut -d' ' -f1
	else
		sed -n '/could be any of/,/cannot bisect/p' <<<"$output" | grep -E '^[0-9a-f]{40}$' | sort
	fi
}

# Everything of a checkout that a bisection has no business in.
checkout_state() {
	local git_dir
	git_dir="$(git -C "$1" rev-parse --absolute-git-dir)"
	git -C "$1" status --porcelain=v2 --branch
	cat "$git_dir/HEAD"
	[ ! -e "$git_dir/index" ] || sha256sum <"$git_dir/index"
	[ ! -e "$git_dir/BISECT_LOG" ] || cat "$git_dir/BISECT_LOG"
	git -C "$1" worktree list --porcelain
	git -C "$1" for-each-ref
	git -C "$1" config --list --local
	git -C "$1" stash list
}

# at_most_runs COMMITS: log2 n + 6
at_most_runs() { awk -v n="$1" 'BEGIN { while (2 ^ k < n) k++; print k + 6 }'; }
