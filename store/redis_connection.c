#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/redis_connection.h"

static struct timeval timeval_of(int ms)
{
	if (ms < 1)
		ms = 1;		/* zero would mean for ever */
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

/* sun_path holds 107 bytes.  A longer path is reached through an open descriptor of its directory. */
static int connect_unix(redisContext **ret, const char *path, struct timeval timeout, struct error *err)
{
	char *directory = NULL, *through = NULL;
	const char *use = path, *slash;
	redisContext *context;
	int fd = -1, rc = 0;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		slash = strrchr(path, '/');
		if (!slash) {
			rc = error_set(err, ERR_INVALID, "the socket name '%s' is too long", path);
			goto out;
		}
		directory = mem_strndup(path, (size_t)(slash - path));
		fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0) {
			rc = error_set(err, ERR_UNAVAILABLE, "no Redis at unix:%s: cannot reach the directory: %s", path, strerror(errno));
			goto out;
		}
		use = through = mem_printf("/proc/self/fd/%d%s", fd, slash);
	}
	context = redisConnectUnixWithTimeout(use, timeout);
	if (!context || context->err) {
		rc = error_set(err, ERR_UNAVAILABLE, "no Redis at unix:%s: %s", path, context ? context->errstr : "out of memory");
		if (context)
			redisFree(context);
		goto out;
	}
	*ret = context;
out:
	file_close(&fd);
	free(directory);
	free(through);
	return rc;
}

static int connect_tcp(redisContext **ret, const char *address, struct timeval timeout, struct error *err)
{
	const char *colon = strrchr(address, ':');
	redisContext *context;
	long long port;
	char *host;
	int rc = 0;

	if (!colon || colon == address || !str_to_long(colon + 1, 1, 65535, &port))
		return error_set(err, ERR_INVALID, "'%s' is no Redis address: allowed are unix:/path and host:port", address);
	if (address[0] == '[' && colon[-1] == ']')
		host = mem_strndup(address + 1, (size_t)(colon - address) - 2);
	else
		host = mem_strndup(address, (size_t)(colon - address));
	context = redisConnectWithTimeout(host, (int)port, timeout);
	if (!context || context->err) {
		rc = error_set(err, ERR_UNAVAILABLE, "no Redis at %s: %s", address, context ? context->errstr : "out of memory");
		if (context)
			redisFree(context);
	} else {
		*ret = context;
	}
	free(host);
	return rc;
}

int redis_connect(redisContext **ret, const char *address, int timeout_ms, struct error *err)
{
	if (str_has_prefix(address, "unix:"))
		return connect_unix(ret, address + strlen("unix:"), timeval_of(timeout_ms), err);
	return connect_tcp(ret, address, timeval_of(timeout_ms), err);
}

static enum error_code code_of_reply(const char *text)
{
	static const struct { const char *word; enum error_code code; } words[] = {
		{ "STALE ", ERR_STALE },
		{ "CANCELLED ", ERR_CANCELLED },
		{ "NOAUTH ", ERR_DENIED },
		{ "WRONGPASS ", ERR_DENIED },
		{ "NOPERM ", ERR_DENIED },
		{ "OOM ", ERR_NO_SPACE },
		{ "LOADING ", ERR_UNAVAILABLE },
		{ "MISCONF ", ERR_UNAVAILABLE },
		{ "READONLY ", ERR_UNAVAILABLE },
		{ "MASTERDOWN ", ERR_UNAVAILABLE },
		{ "NOREPLICAS ", ERR_UNAVAILABLE },
		{ "BUSY ", ERR_UNAVAILABLE },
		{ "TRYAGAIN ", ERR_UNAVAILABLE },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_has_prefix(text, words[i].word))
			return words[i].code;
	return ERR_FAILED;
}

int redis_command(redisReply **ret_reply, redisContext *context, const struct strv *argv, int timeout_ms, bool *ret_broken,
	struct error *err)
{
	redisReply *reply;
	int rc;

	*ret_broken = true;
	if (redisSetTimeout(context, timeval_of(timeout_ms)) != REDIS_OK)
		return error_set(err, ERR_UNAVAILABLE, "Redis: %s", context->errstr);
	reply = redisCommandArgv(context, (int)argv->n, (const char **)argv->v, NULL);
	if (!reply) {
		if (context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK))
			return error_set(err, ERR_UNAVAILABLE, "Redis does not answer within %d ms", timeout_ms);
		return error_set(err, ERR_UNAVAILABLE, "lost the connection to Redis: %s", context->errstr);
	}
	*ret_broken = false;
	if (reply->type == REDIS_REPLY_ERROR) {
		rc = error_set(err, code_of_reply(reply->str), "Redis: %s", reply->str);
		freeReplyObject(reply);
		return rc;
	}
	if (ret_reply)
		*ret_reply = reply;
	else
		freeReplyObject(reply);
	return 0;
}

bool redis_connection_is_alive(const redisContext *context)
{
	char byte;

	return recv(context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}
