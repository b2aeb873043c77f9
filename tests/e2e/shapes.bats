#!/usr/bin/env bats
# bisectctl run against git bisect run on histories that are no lines: octopus and criss-cross merges, several roots, several good ends.
# With SLOW in the environment (check.sh --slow): more of them.
load lib

# shapes SEED COMMITS CULPRIT: a stream for git fast-import as that of history() in lib.bash, of branches that fork, merge (two or up to
# five at once), merge each other both ways, or begin from nothing.  The last commit, main, joins all that is open.
shapes() {
	awk -v seed="$1" -v commits="$2" -v culprit="$3" '
	function random(n) { seed = (seed * 1103515245 + 12345) % 2147483648; return int(seed / 65536) % n }
	function data(text) { printf "data %d\n%s\n", length(text), text }
	function commit(v, list, n,    i) {
		bad[v] = v == culprit
		for (i = 0; i < n; i++) bad[v] = bad[v] || bad[list[i]]
		printf n ? "commit refs/heads/main\nmark :%d\n" : "reset refs/heads/main\ncommit refs/heads/main\nmark :%d\n", v
		printf "author A <a@example.org> %d +0000\ncommitter A <a@example.org> %d +0000\n", 1.6e9 + v * 60, 1.6e9 + v * 60
		data("change " v)
		for (i = 0; i < n; i++) printf "%s :%d\n", i ? "merge" : "from", list[i]
		print "M 100644 inline number"; data(v "")
		if (bad[v]) { print "M 100644 inline bug"; data("bug") }
		printf "reset refs/tags/v%d\nfrom :%d\n\n", v, v
	}
	# The first of `list` are n tips, each another one, chosen by lot; they are taken off.
	function choose(n,    i, j) { for (i = 0; i < n; i++) { j = random(tips); list[i] = tip[j]; tip[j] = tip[--tips] } }
	BEGIN {
		commit(1, list, 0); tip[0] = 1; tips = 1
		for (v = 2; v < commits; v++) {
			what = random(20)
			if (what == 0 && tips < 7) { commit(v, list, 0); tip[tips++] = v }
			else if (what == 1 && tips > 2) { n = 3 + random(tips - 2 < 3 ? tips - 2 : 3); choose(n); commit(v, list, n); tip[tips++] = v }
			else if (what < 4 && tips > 1 && v + 1 < commits) {
				choose(2); commit(v, list, 2); a = list[0]; list[0] = list[1]; list[1] = a
				commit(v + 1, list, 2); tip[tips++] = v; tip[tips++] = ++v
			} else if (what < 7 && tips > 1) { choose(2); commit(v, list, 2); tip[tips++] = v }
			else if (what < 11 && tips < 7) { list[0] = tip[random(tips)]; commit(v, list, 1); tip[tips++] = v }
			else { choose(1); commit(v, list, 1); tip[tips++] = v }
		}
		n = tips; choose(n); commit(commits, list, n); print "done"
	}'
}

setup() {
	isolate_git
	find_bisectctl
	cd "$BATS_TEST_TMPDIR"
}

# make_shapes DIR SEED COMMITS CULPRIT
make_shapes() {
	git init -q -b main "$1"
	shapes "${@:2}" | git -C "$1" fast-import --quiet --done --force
	git -C "$1" checkout -q -f main
}

# git_names OPTION BAD GOOD...: what git bisect run names in the repository here; OPTION may be empty.
git_names() {
	local output
	rm -rf ../git-copy
	git clone -q . ../git-copy
	git -C ../git-copy bisect start $1 "${@:2}" >/dev/null
	output="$(cd ../git-copy && git bisect run sh -c 'test ! -e bug' 2>&1)" || true
	grep -o '^[0-9a-f]* is the first bad commit' <<<"$output" | cut -d' ' -f1
}

# we_name OPTIONS BAD GOOD...
we_name() {
	local good arguments=()
	for good in "${@:3}"; do arguments+=(--good "$good"); done
	"$BISECTCTL" run --json $1 --bad "$2" "${arguments[@]}" -- sh -c 'test ! -e bug' 2>>../messages | jq -r '.verdict + " " + .commit'
}

# Of all commits without the error, some: `count` of them, by the number in `$1`.
some_good() {
	local v all=()
	for v in $(git for-each-ref --format='%(refname:short)' refs/tags); do
		git cat-file -e "$v:bug" 2>/dev/null || all+=("$v")
	done
	for v in $(seq "$2"); do echo "${all[$((($1 * 7919 + v * 104729) % ${#all[@]}))]}"; done | sort -u
}

@test "the generated histories have all the shapes" {
	make_shapes repo 3 200 100
	cd repo
	[ "$(git rev-list --max-parents=0 main | wc -l)" -gt 2 ]
	[ "$(git rev-list --min-parents=3 main | wc -l)" -gt 2 ]
	# Criss-cross: two commits with two merge bases.
	git rev-list --min-parents=2 --parents main | awk 'NF == 3 { print $2, $3; print $3, $2 }' | sort | uniq -d | grep -q .
	[ "$(git rev-list main | wc -l)" = 200 ]
}

@test "octopus, criss-cross and several roots: the commit that git bisect run names" {
	for seed in 3 ${SLOW:+5 8}; do
		for culprit in 2 37 90 131 158; do
			rm -rf repo && make_shapes repo "$seed" 160 "$culprit"
			(
				cd repo
				expected="$(git_names "" main v1)"
				echo "seed $seed, culprit $culprit: git names $expected"
				[ "$expected" = "$(hex . "v$culprit")" ]
				[ "$(we_name "" main v1)" = "culprit $expected" ]
				[ "$(we_name "-j4 --trust" main v1)" = "culprit $expected" ]
			)
		done
	done
}

@test "--first-parent names the commit that git bisect --first-parent names" {
	merges=0 all=0
	for seed in 3 13 ${SLOW:+5 8}; do
		for culprit in 20 75 110 140; do
			rm -rf repo && make_shapes repo "$seed" 160 "$culprit"
			cd repo
			expected="$(git_names --first-parent main v1)"
			echo "seed $seed, culprit $culprit: git names $expected"
			[ -n "$expected" ]
			all=$((all + 1))
			[ "$expected" = "$(hex . "v$culprit")" ] || merges=$((merges + 1))
			[ "$(we_name --first-parent main v1)" = "culprit $expected" ]
			[ "$(we_name "--first-parent --trust -j3" main v1)" = "culprit $expected" ]
			cd ..
		done
	done
	# Many of them came in with a merge, which is named then.
	[ "$merges" -gt $((all / 4)) ]
}

@test "several good ends on several branches: the commit that git bisect run names" {
	for seed in 3 ${SLOW:+5 8}; do
		for culprit in 60 119 150; do
			rm -rf repo && make_shapes repo "$seed" 160 "$culprit"
			cd repo
			good="$(some_good "$((seed + culprit))" 4)"
			[ "$(wc -l <<<"$good")" -gt 2 ]
			for option in "" --first-parent; do
				expected="$(git_names "$option" main $good)"
				echo "seed $seed, culprit $culprit, option $option, good ends" $good ": git names $expected"
				[ -n "$expected" ]
				[ -n "$option" ] || [ "$expected" = "$(hex . "v$culprit")" ]
				[ "$(we_name "$option" main $good)" = "culprit $expected" ]
			done
			cd ..
		done
	done
}

@test "a merge that brings the error in by itself is named and said to be one" {
	for seed in 3 8; do
		rm -rf repo && make_shapes repo "$seed" 160 1000
		merge="$(git -C repo rev-list --min-parents=3 --max-count=1 --skip=1 main)"
		number="$(git -C repo show "$merge:number")"
		rm -rf repo && make_shapes repo "$seed" 160 "$number"
		cd repo
		[ "$(git_names "" main v1)" = "$(hex . "v$number")" ]
		json="$("$BISECTCTL" run --json --bad main --good v1 -- sh -c 'test ! -e bug')"
		echo "$json"
		[ "$(jq -r .commit <<<"$json")" = "$(hex . "v$number")" ]
		[ "$(jq .merge <<<"$json")" = true ]
		parents="$(git rev-parse "v$number^@" | sort)"
		[ "$(wc -l <<<"$parents")" -ge 3 ]
		[ "$(jq -r '.evidence.parents[] | select(.passed >= 1) | .commit' <<<"$json" | sort)" = "$parents" ]
		run "$BISECTCTL" run --bad main --good v1 -- sh -c 'test ! -e bug'
		[[ "$output" == *'It is a merge, and each of its parents is good'* ]]
		cd ..
	done
}
