/* gateway/supervisor/api.h — the operator API: HTTP over a Unix socket,
 * served by libmicrohttpd inside the supervisor's loop. Linked into gwd only.
 *
 *   GET  /v1/status             the document of collect.h
 *   GET  /v1/sessions           {"sessions": […]}
 *   POST /v1/sessions/ID/kill   ends a session; ID is 32 hex digits
 *   POST /v1/reload             {"renewed": […], "restart": […],
 *                               "warnings": […]}: reload.h
 *   GET  /v1/cas                {"cas": […]}, also those that are gone
 *   POST /v1/cas/register       body: change.h
 *   POST /v1/cas/ID/update      body: change.h; ID is c- and ten hex digits
 *   POST /v1/cas/ID/deregister  body: change.h
 *   GET  /v1/client-auth        {"status": "Enabled"|"Disabled", "since"}
 *   POST /v1/client-auth/enable, /v1/client-auth/disable
 *
 * Changes of the registry are gwd-auth's; they go there over its control
 * channel, never through gwd-proxy.
 *
 * Answers within two seconds even when a child hangs, a change within four.
 * Peers are root, the gateway's own user, or members of the socket's group. */
#ifndef GW_API_H
#define GW_API_H

#include "sup.h"

struct gw_api;

/* Takes `fd`, a listening socket of gw_peer_listen(). GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_api_new(struct gw_loop *l, struct gw_sup *sup,
				     int fd, struct gw_api **out,
				     struct gw_error *err);
void gw_api_free(struct gw_api *a);

#endif
