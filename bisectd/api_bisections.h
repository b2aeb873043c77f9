/* Bisections over HTTP: rows of the table in api.c (docs/api.md). */
#ifndef BISECTD_API_BISECTIONS_H
#define BISECTD_API_BISECTIONS_H

#include "bisectd/daemon.h"

void bisections_post(struct http_request *request, void *daemon);
void bisections_get(struct http_request *request, void *daemon);
void bisections_get_one(struct http_request *request, void *daemon);
void bisections_get_events(struct http_request *request, void *daemon);
void bisections_post_continue(struct http_request *request, void *daemon);
void bisections_post_cancel(struct http_request *request, void *daemon);

json_t *bisections_list_json(struct daemon *daemon, unsigned limit);	/* newest first */

#endif
