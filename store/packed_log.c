#include "store/packed_log.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "base/mem.h"

int packed_log_each(int fd, const char *name, log_sink *sink, void *arg, struct error *err)
{
	ZSTD_DStream *stream = ZSTD_createDStream();
	char *in = mem_alloc(ZSTD_DStreamInSize()), *out = mem_alloc(ZSTD_DStreamOutSize());
	bool more = true;
	ssize_t n;
	int r = 0;

	while (more && (n = read(fd, in, ZSTD_DStreamInSize())) != 0) {
		ZSTD_inBuffer from = { in, n > 0 ? (size_t)n : 0, 0 };

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = error_errno(err, errno, "cannot read log %.12s", name);
			goto out;
		}
		while (more && from.pos < from.size) {
			ZSTD_outBuffer to = { out, ZSTD_DStreamOutSize(), 0 };
			size_t z = ZSTD_decompressStream(stream, &to, &from);

			if (ZSTD_isError(z)) {
				r = error_set(err, ERR_CORRUPT, "log %.12s: %s", name, ZSTD_getErrorName(z));
				goto out;
			}
			more = !to.pos || sink(arg, out, to.pos);
		}
	}
out:
	ZSTD_freeDStream(stream);
	free(in);
	free(out);
	return r;
}
