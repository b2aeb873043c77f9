// Keeps a running bisection's page up to date: every event says that something changed, the server renders what.
"use strict";
(function () {
	const address = document.body.dataset.stream;
	if (!address || !window.EventSource)
		return;
	const source = new EventSource(address);
	const tail = document.getElementById("tail");
	let loading = false, again = false;

	async function refresh() {
		if (loading) {
			again = true;
			return;
		}
		loading = true;
		try {
			const answer = await fetch(location.pathname + "?live=1");
			if (answer.ok) {
				const box = document.createElement("template");
				box.innerHTML = await answer.text();
				document.getElementById("live").replaceWith(box.content);
				const state = document.getElementById("live").dataset.state;
				if (state !== "running" && state !== "waiting")
					source.close();
			}
		} catch (e) {
			// The event source connects again by itself, and its first event brings us here.
		}
		loading = false;
		if (again) {
			again = false;
			refresh();
		}
	}
	source.addEventListener("bisection", refresh);
	source.addEventListener("log", (event) => {
		const piece = JSON.parse(event.data);
		tail.append(piece.text);
		if (tail.textContent.length > 200000)
			tail.textContent = tail.textContent.slice(-100000);
		tail.scrollTop = tail.scrollHeight;
	});
})();
