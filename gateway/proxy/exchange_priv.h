/* exchange_priv.h — what the files of the exchange share: its state, and how
 * it fails. gwd-proxy only; nothing but exchange.c, pace.c, request.c and
 * response.c includes it. */
#ifndef GW_PROXY_EXCHANGE_PRIV_H
#define GW_PROXY_EXCHANGE_PRIV_H

#include <strings.h>
#include "conn.h"
#include "exchange.h"
#include "flow.h"
#include "upstream.h"

enum gw_phase { PH_NONE, PH_CONNECT, PH_BODY, PH_RESPONSE, PH_CLIENT };

/* The time of a client that sends a body, or takes a response. */
struct gw_pace {
	uint64_t end_ms;     /* when it is up; 0: not waited for yet */
	uint64_t left_ms;    /* since when others are waited for */
	uint64_t moved;      /* bytes that earned it */
};

struct gw_exchange {
	struct gw_exchange *next;     /* in the free list */
	struct gw_upstream *upstream;
	struct gw_buf *to_up;         /* head, then body */
	struct gw_buf *from_up;       /* as it came */
	struct gw_flow request, response;
	size_t scanned;               /* of the head in from_up */
	uint64_t tried;               /* servers that refused */
	enum gw_phase phase;
	int client_minor, status;
	unsigned interim_count;
	bool is_head, expects_continue, wants_upgrade, wants_json;
	bool asks_websocket;
	bool keep_alive;     /* towards the client, after this */
	bool up_keep_alive;
	bool can_retry;      /* to_up holds all of it, and twice is no harm */
	bool wants_fresh;    /* no used connection this time */
	bool has_begun;      /* the response has */
	bool has_head;       /* the final one is written */
	bool up_is_deaf;     /* takes no more of the request */
	bool is_page;        /* the response is our own */
	uint64_t started_ms;
	struct gw_pace body, client; /* in PH_BODY, in PH_CLIENT */
	char label[120];     /* for the log, at debug only */
};

struct gw_exchange *gw_exchange_new(struct gw_conn *c);
void gw_exchange_log(const struct gw_conn *c);

/* Room for `len` more bytes to the client. */
struct gw_buf *gw_exchange_room(struct gw_conn *c, size_t len);

/* Ends the exchange with a page, or, when the client has the beginning of
 * another answer already, with the connection: a cut answer must not look
 * whole. `detail` is for the log. */
void gw_exchange_fail(struct gw_conn *c, enum gw_err why, const char *detail);
/* The same, and the upstream server is to blame. */
void gw_exchange_fail_up(struct gw_conn *c, enum gw_err why,
			 const char *detail);

/* Ends it with what may be asked of us: the request may not be forwarded. */
void gw_exchange_options(struct gw_conn *c);

/* Finds a connection to the upstream, or fails the exchange. */
void gw_exchange_connect(struct gw_conn *c);
/* Sends the request once more on a fresh connection, if that is safe. */
bool gw_exchange_retry(struct gw_conn *c);

/* Sets the time of whom is waited for now; `has_moved`: something has since it
 * was set last. */
void gw_pace_note(struct gw_conn *c, bool has_moved);
/* The time of a client that takes a response is up: whether it has earned more
 * meanwhile, as the kernel may hold a great deal for it. */
bool gw_pace_is_kept(struct gw_conn *c);

/* One step each; true when anything moved. */
bool gw_request_step(struct gw_conn *c);
bool gw_response_step(struct gw_conn *c);

static inline bool
gw_exchange_is_websocket(const struct gw_http_msg *m)
{
	return m->upgrade.len == 9 &&
	       strncasecmp(m->upgrade.p, "websocket", 9) == 0;
}

/* Not ended meanwhile, by whatever a step met. */
static inline bool
gw_exchange_is_alive(const struct gw_conn *c, const struct gw_exchange *x)
{
	return c->exchange == x && c->state == GW_CONN_HTTP;
}

static inline bool
gw_exchange_is_up(const struct gw_conn *c)
{
	return c->up != NULL && c->up->is_connected;
}

#endif
