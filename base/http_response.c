#include <jansson.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/http_request.h"

#define STREAM_BLOCK (16u << 10)

/* --- Answering. --- */

/* True if the request takes an answer now; the caller fills it in and calls request_answered. */
static bool request_takes_answer(struct http_request *request, int status, const char *content_type)
{
	if (request->stage >= STAGE_ANSWERED || request->told)
		return false;
	request->stage = STAGE_ANSWERED;
	request->status = status;
	if (content_type)
		http_set_response_header(request, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	return true;
}

static void request_answered(struct http_request *request)
{
	/* The client left long ago, and nobody else holds this any more. */
	if (!request->connection && request_is_answered(request))
		request_free(request);
	else if (request->connection)
		request_resume(request);
}

static ssize_t on_stream_room(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct http_request *request = arg;
	size_t left = request->answer.len - request->stream_at, len = left < max ? left : max;

	if (request->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (len == 0 && request->stream_ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (len == 0) {
		request_suspend(request);
		return 0;
	}
	memcpy(buf, request->answer.buf + request->stream_at, len);
	request->stream_at += len;
	/* Moving the rest to the front only now and then keeps this linear. */
	if (request->stream_at > request->answer.len / 2) {
		str_remove_front(&request->answer, request->stream_at);
		request->stream_at = 0;
	}
	return (ssize_t)len;
}

static struct MHD_Response *make_response(struct http_request *request)
{
	struct MHD_Response *response;

	if (request->stream) {
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
			on_stream_room, request, NULL);
	} else if (request->file_fd >= 0) {
		response = MHD_create_response_from_fd64(request->file_size, request->file_fd);
		if (response)
			request->file_fd = -1;
	} else if (request->answer.len > 0) {
		size_t len = request->answer.len;

		response = MHD_create_response_from_buffer(len, str_detach(&request->answer),
			MHD_RESPMEM_MUST_FREE);
	} else {
		response = MHD_create_response_from_buffer(0, str_empty, MHD_RESPMEM_PERSISTENT);
	}
	for (size_t i = 0; response && i + 1 < request->headers.n; i += 2)
		MHD_add_response_header(response, request->headers.v[i], request->headers.v[i + 1]);
	return response;
}

enum MHD_Result request_queue_answer(struct http_request *request)
{
	struct MHD_Response *response;
	enum MHD_Result r;

	if (request->gone)
		return MHD_NO;
	response = make_response(request);
	if (!response)
		return MHD_NO;
	request->stage = STAGE_QUEUED;
	r = MHD_queue_response(request->connection, (unsigned)request->status, response);
	MHD_destroy_response(response);
	return r;
}

/*
 * libmicrohttpd takes no answer in the middle of a body, and reading all of a body that is refused would be a gift
 * to whoever sends it.  So the answer goes to the socket directly, which nothing else is writing to then; what still
 * comes is thrown away, and the connection ends.
 */
enum MHD_Result request_refuse_body(struct http_request *request)
{
	struct str head = STR_INIT;
	int fd = request_socket(request->connection);

	str_addf(&head, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %zu\r\n", request->status,
		MHD_get_reason_phrase_for((unsigned)request->status), request->answer.len);
	for (size_t i = 0; i + 1 < request->headers.n; i += 2)
		str_addf(&head, "%s: %s\r\n", request->headers.v[i], request->headers.v[i + 1]);
	str_add(&head, "\r\n");
	str_add_bytes(&head, request->answer.buf, request->answer.len);
	request->stage = STAGE_REFUSED;
	/* A short write can only be a client that does not read: it gets nothing more. */
	send(fd, head.buf, head.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	str_release(&head);
	str_release(&request->body);
	return MHD_YES;
}

void request_answer_json(struct http_request *request, int status, const char *name, const char *message)
{
	json_t *text = json_string(message), *object;
	struct str clean = STR_INIT;
	char *json;

	if (!text) {
		str_add_printable(&clean, message, strlen(message), 4 * ERROR_TEXT_MAX);
		text = json_string(clean.buf);
	}
	object = json_pack("{s:s, s:o}", "error", name, "message", text);
	json = object ? json_dumps(object, JSON_COMPACT) : NULL;
	if (!json)
		abort();
	http_respond(request, status, "application/json", json, strlen(json));
	free(json);
	json_decref(object);
	str_release(&clean);
}
/* --- What goes out. --- */

void http_set_response_header(struct http_request *request, const char *name, const char *value)
{
	/* A line break would begin a header of somebody else's choice. */
	for (const char *s = value; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return;
	strv_push(&request->headers, name);
	strv_push(&request->headers, value);
}

void http_respond(struct http_request *request, int status, const char *content_type, const void *body, size_t len)
{
	if (!request_takes_answer(request, status, content_type))
		return;
	str_add_bytes(&request->answer, body, len);
	request_answered(request);
}

static int status_of(enum error_code code)
{
	switch (code) {
	case ERR_INVALID:
		return 400;
	case ERR_DENIED:
		return 403;
	case ERR_NOT_FOUND:
		return 404;
	case ERR_EXISTS:
	case ERR_STALE:
	case ERR_CANCELLED:
		return 409;
	case ERR_LIMIT:
		return 413;
	case ERR_UNAVAILABLE:
		return 503;
	case ERR_TIMEOUT:
		return 504;
	case ERR_NO_SPACE:
		return 507;
	case ERR_NONE:
	case ERR_IO:
	case ERR_CORRUPT:
	case ERR_FAILED:
	case ERR_NCODES:
		break;
	}
	return 500;
}

void http_respond_error(struct http_request *request, const struct error *err)
{
	int status = status_of(err->code);

	if (status == 503)
		http_set_response_header(request, MHD_HTTP_HEADER_RETRY_AFTER, "2");
	request_answer_json(request, status, error_code_name(err->code), err->text);
}

void http_respond_file(struct http_request *request, const char *content_type, int fd, uint64_t size)
{
	if (!request_takes_answer(request, 200, content_type)) {
		file_close(&fd);
		return;
	}
	request->file_fd = fd;
	request->file_size = size;
	request_answered(request);
}

void http_respond_redirect(struct http_request *request, const char *location)
{
	http_set_response_header(request, MHD_HTTP_HEADER_LOCATION, location);
	http_respond(request, 303, NULL, NULL, 0);
}

void http_stream_begin(struct http_request *request, const char *content_type)
{
	if (!request_takes_answer(request, 200, content_type))
		return;
	request->stream = true;
	request_answered(request);
}

void http_stream_write(struct http_request *request, const void *bytes, size_t len)
{
	if (!request->stream || request->stream_ended || request->gone || len == 0)
		return;
	if (request->answer.len - request->stream_at + len > HTTP_STREAM_BACKLOG) {
		request_cut(request);
		return;
	}
	str_add_bytes(&request->answer, bytes, len);
	/* Before its headers are on their way a stream waits for the handler, not for data. */
	if (request->stage == STAGE_QUEUED)
		request_resume(request);
}

void http_stream_end(struct http_request *request)
{
	if (!request->stream || request->stream_ended)
		return;
	request->stream_ended = true;
	if (!request->connection)
		request_free(request);
	else
		request_resume(request);
}
