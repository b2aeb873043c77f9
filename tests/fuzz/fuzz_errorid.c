/*
 * Any bytes as any log: the ids are within their limits, hold nothing that a shell or a path could
 * trip over, and do not depend on how the bytes were cut.  The first byte chooses the source, the
 * second the size of the pieces.
 */
#include <stdint.h>

#include "job/errorid.h"
#include "job/passed_cases.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(int ok)
{
	if (!ok)
		abort();
}

static struct extractor *extract(
        enum error_source source, const char *text, size_t len, size_t piece, int exit_status)
{
	struct extractor *x = NULL;

	require(extractor_new(&x, source, "demo", "needle", NULL) == 0);
	for (size_t at = 0; at < len; at += piece)
		extractor_feed(x, text + at, len - at < piece ? len - at : piece);
	extractor_end(x, exit_status, 0, false);
	return x;
}

static void check_id(const char *id)
{
	require(*id && strlen(id) <= ERRORID_ID_MAX);
	for (; *id; id++)
		require((unsigned char)*id > ' ' && *id != 0x7f && !strchr("\"\\$", *id));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct found_error *found, *again;
	struct extractor *whole, *pieces;
	enum error_source source;
	char *passed, *passed_again;
	size_t n, piece;

	if (len < 2)
		return 0;
	source = (enum error_source)(bytes[0] % SOURCE_NKINDS);
	piece = bytes[1] % 64 + 1;
	whole = extract(source, (const char *)bytes + 2, len - 2, len, bytes[1]);
	pieces = extract(source, (const char *)bytes + 2, len - 2, piece, bytes[1]);
	n = extractor_results(whole, &found);
	require(n == extractor_results(pieces, &again) && n <= ERRORID_COUNT_MAX);
	for (size_t i = 0; i < n; i++) {
		check_id(found[i].id);
		require(strcmp(found[i].id, again[i].id) == 0 &&
		        strcmp(found[i].line, again[i].line) == 0);
		require(found[i].count == again[i].count && found[i].offset == again[i].offset);
		require(found[i].line_number == again[i].line_number &&
		        found[i].line_number <= extractor_lines(whole));
		require(strlen(found[i].line) <= 1000 && found[i].offset <= len);
	}
	require(extractor_ran_to_its_end(whole) == extractor_ran_to_its_end(pieces));
	passed = extractor_passed(whole);
	passed_again = extractor_passed(pieces);
	require(passed ? passed_again && !strcmp(passed, passed_again) && passed_text_is_valid(passed) : !passed_again);
	free(passed);
	free(passed_again);
	extractor_free(whole);
	extractor_free(pieces);
	return 0;
}
