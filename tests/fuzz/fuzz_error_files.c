/* Any bytes as the text of an error: names within their limits, each once, nothing that is no text. */
#include <stdint.h>

#include "job/error_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(int ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct strv names = STRV_INIT, again = STRV_INIT;
	unsigned code;

	error_files_find(&names, (const char *)bytes, len);
	require(names.n <= ERROR_FILES_MAX);
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.v[i];
		size_t n = strlen(name);

		require(n > 0 && n <= ERROR_FILES_NAME_MAX);
		require(!str_has_prefix(name, "./") && !str_has_prefix(name, "../"));
		for (size_t j = 0; j < i; j++)
			require(strcmp(name, names.v[j]) != 0);
		for (size_t at = 0, step; at < n; at += step) {
			step = str_utf8(name + at, n - at, &code);
			require(step > 0 && code > ' ' && code != 0x7f);
		}
	}
	error_files_find(&again, (const char *)bytes, len);
	require(again.n == names.n);
	strv_release(&names);
	strv_release(&again);
	return 0;
}
