// Keeps a running bisection's page up to date: every event says that something changed, the server renders what.
"use strict";
(function () {
	const address = document.body.dataset.stream;
	if (!address || !window.EventSource)
		return;
	const tail = document.getElementById("tail");
	const state = document.getElementById("connection");
	const SECOND = 1000;
	let source = null, loading = false, again = false, ended = false, lastUnit = null;
	let fresh = new Date();

	function tell(text) {
		state.textContent = text;
		state.hidden = !text;
	}

	function lost() {
		tell("The connection to bisectd is lost; trying again. What you see is as of " + fresh.toLocaleTimeString() + ".");
	}

	// What somebody is reading or has opened stays as it is.
	function isSelecting() {
		const selection = document.getSelection();
		return selection && !selection.isCollapsed && document.getElementById("live").contains(selection.anchorNode);
	}

	function put(html) {
		const box = document.createElement("template");
		box.innerHTML = html;
		const open = [...document.querySelectorAll("#live details[open]")].map((d) => d.id);
		if (!box.content.getElementById("live"))
			throw new Error("this is another page");
		document.getElementById("live").replaceWith(box.content);
		for (const id of open) {
			const details = document.getElementById(id);
			if (details)
				details.open = true;
		}
	}

	async function refresh() {
		if (loading || ended) {
			again = true;
			return;
		}
		loading = true;
		again = false;
		try {
			const answer = await fetch(location.pathname + "?live=1", { cache: "no-store" });
			if (!answer.ok)
				throw new Error(answer.status);
			const html = await answer.text();
			if (isSelecting()) {
				again = true;
			} else {
				put(html);
				fresh = new Date();
				tell("");
				const now = document.getElementById("live").dataset.state;
				ended = now !== "running" && now !== "waiting";
			}
		} catch (e) {
			again = true;
			lost();
		}
		if (ended) {
			source.close();
			return;
		}
		// Not more often than a person can read.
		setTimeout(() => {
			loading = false;
			if (again)
				refresh();
		}, SECOND);
	}

	function onLog(event) {
		const piece = JSON.parse(event.data);
		if (!document.querySelector('#live a[href^="/units/' + CSS.escape(piece.unit) + '/log"]'))
			return;		// of another bisection
		const stays = tail.scrollHeight - tail.scrollTop - tail.clientHeight > 40;
		if (piece.unit !== lastUnit)
			tail.append((tail.textContent ? "\n" : "") + "--- " + piece.unit.slice(0, 14) + "\n");
		lastUnit = piece.unit;
		tail.append(piece.text);
		if (tail.textContent.length > 200000)
			tail.textContent = tail.textContent.slice(-100000);
		if (!stays)
			tail.scrollTop = tail.scrollHeight;
	}

	function connect() {
		source = new EventSource(address);
		source.addEventListener("bisection", refresh);
		source.addEventListener("log", onLog);
		source.onopen = () => tell("");
		source.onerror = () => {
			if (ended)
				return;
			lost();
			// The browser tries again by itself, but not after an answer that was no stream.
			if (source.readyState === EventSource.CLOSED)
				setTimeout(connect, 3 * SECOND);
		};
	}
	connect();
})();
