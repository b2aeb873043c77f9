/* Handlers of the agents' half of the API: rows of the table in api.c. */
#ifndef BISECTD_API_UNITS_H
#define BISECTD_API_UNITS_H

#include "bisectd/daemon.h"

void units_claim(struct http_request *request, void *daemon);
void units_renew(struct http_request *request, void *daemon);
void units_log(struct http_request *request, void *daemon);
void units_finish(struct http_request *request, void *daemon);
void units_release(struct http_request *request, void *daemon);

#endif
