/* upstream.h — connections to the servers behind the gateway: connecting to
 * one, keeping idle ones for the next request. gwd-proxy only. One pool per
 * worker; nothing is shared.
 *
 * An idle connection that becomes readable is closed: the server hung up or
 * said what nobody asked for. */
#ifndef GW_PROXY_UPSTREAM_H
#define GW_PROXY_UPSTREAM_H

#include <sys/queue.h>
#include "server.h"
#include "sock.h"

struct gw_conn;

struct gw_upconn {
	struct gw_sock sock;     /* first */
	struct gw_server *server;
	struct gw_conn *conn;    /* whom it works for; NULL: idle */
	LIST_ENTRY(gw_upconn) of_server; /* if idle */
	uint64_t idle_since_ms;
	bool is_connected;
	bool was_reused;         /* had been idle before this request */
};

struct gw_upstream {
	const struct gw_site_upstream *site;
	struct gw_loop *loop;
	struct gw_server *servers;
	size_t server_count, next_server;
	size_t idle_count;
	struct gw_timer reaper;
};

void gw_upstream_init(struct gw_upstream *u, struct gw_loop *l,
		      const struct gw_site_upstream *site);
void gw_upstream_clear(struct gw_upstream *u);

/* A connection for `conn`: an idle one if `may_reuse`, else one that is being
 * made (is_connected is false until its event). `*tried` (server.h) begins as
 * 0 with the request, and grows by those that refuse at once. NULL: there is
 * none left to try, or no descriptor (GW_ERR_BUSY instead of
 * GW_ERR_UPSTREAM_UNREACHABLE). */
struct gw_upconn *gw_upstream_get(struct gw_upstream *u, struct gw_conn *conn,
				  bool may_reuse, uint64_t *tried,
				  enum gw_err *out_why);

/* An event came while connecting. OK: it stands; AGAIN: it is still under way;
 * BROKEN: it came to nothing. */
enum gw_xfer gw_upconn_check(struct gw_upconn *c);
/* The server refused or did not answer; closes. */
void gw_upconn_failed(struct gw_upconn *c, enum gw_err why, uint64_t *tried);
/* An exchange on it went wrong; closes. */
void gw_upconn_broke(struct gw_upconn *c, enum gw_err why);
/* Done with it, and all was in order: kept for the next, if there is room. */
void gw_upconn_keep(struct gw_upconn *c);
/* Done with it; closes. */
void gw_upconn_close(struct gw_upconn *c);
/* Closes it so that the server knows it did not get the whole. */
void gw_upconn_reset(struct gw_upconn *c);
/* Whether the server has said or ended anything meanwhile: asked before a
 * request goes out on a used connection. */
bool gw_upconn_is_stale(const struct gw_upconn *c);

#endif
