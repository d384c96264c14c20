/* gateway/ctl/client.h — one request to the operator API over its Unix
 * socket. Linked into gwctl only. Bounded in size and time; speaks HTTP/1.0,
 * which has no chunks. */
#ifndef GW_CTL_CLIENT_H
#define GW_CTL_CLIENT_H

#include <jansson.h>
#include "gw/compiler.h"

struct gw_reply {
	int status;   /* HTTP */
	json_t *body; /* an object; the caller's */
};

/* False with one line for people in `why` (cap GW_WHY_MAX): not running, no
 * permission, no answer, an answer that makes no sense. */
#define GW_WHY_MAX 512
GW_MUST_CHECK bool gw_client_ask(const char *socket, const char *method,
				 const char *path, struct gw_reply *out,
				 char why[GW_WHY_MAX]);

/* The same with a body of JSON text (NULL: none), and with so much time for
 * the answer (0: 5 s). */
GW_MUST_CHECK bool gw_client_send(const char *socket, const char *method,
				  const char *path, const char *body,
				  unsigned timeout_ms,
				  struct gw_reply *out, char why[GW_WHY_MAX]);

#endif
