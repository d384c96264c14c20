/* conn.h — one client connection: its states, its deadlines, its end.
 * gwd-proxy only.
 *
 *   HANDSHAKE ─allowed─▶ HTTP ─101─▶ TUNNEL
 *       │ denied           │ last response    │ both ends
 *       ▼                  ▼                  ▼
 *     DENIED ─page─────▶ LINGER ─────────▶ DEAD (freed at the turn's end)
 *
 * Every event of the client, its upstream, its timer and its verdict ends in
 * gw_conn_run(), which tries whatever the state wants: sockets known to be
 * dry cost nothing. gw_conn_run() is never called from within itself. */
#ifndef GW_PROXY_CONN_H
#define GW_PROXY_CONN_H

#include <sys/queue.h>
#include <sys/socket.h>
#include <openssl/ssl.h>
#include "addr.h"
#include "buf.h"
#include "gw/loop.h"
#include "gw/proto.h"
#include "ident.h"
#include "quota.h"
#include "sock.h"
#include "ws.h"

struct gw_exchange;
struct gw_listener;
struct gw_upconn;
struct gw_worker;

enum gw_conn_state {
	GW_CONN_HANDSHAKE,
	GW_CONN_DENIED,
	GW_CONN_HTTP,
	GW_CONN_TUNNEL,
	GW_CONN_LINGER,
	GW_CONN_DEAD,
	GW_CONN_STATE_COUNT
};

/* 384 bytes; an idle one holds besides only OpenSSL's state and, unless it is
 * a tunnel, the identity block. */
struct gw_conn {
	struct gw_sock sock;          /* first: events come with its address */
	enum gw_conn_state state;
	/* fail closed: whatever is not GW_VERDICT_ALLOW is denied, and
	 * `reason` says auth-unavailable until somebody said otherwise. */
	enum gw_verdict verdict;
	enum gw_err reason;
	uint32_t queued;              /* in the kernel, when last looked */
	struct gw_worker *worker;
	struct gw_listener *listener;
	SSL *ssl;
	LIST_ENTRY(gw_conn) of_worker;
	LIST_ENTRY(gw_conn) of_session; /* if is_admitted: see roster.h */
	struct gw_timer timer;        /* fires early: see deadline_ms */
	uint64_t deadline_ms;         /* of the present phase */
	uint64_t until_ms;            /* the session's end */
	uint64_t started_ms;
	struct gw_task task;          /* another round, or being freed */

	struct gw_buf *in;            /* from the client, not used yet */
	struct gw_buf *out;           /* on the way to the client */
	size_t scanned;               /* of the head in `in` */
	struct gw_upconn *up;         /* of the exchange or tunnel */
	struct gw_exchange *exchange; /* NULL between requests */
	struct gw_ident *ident;       /* allowed only */
	struct gw_verdict_msg *answer;/* during the handshake only */
	char *account;                /* as gwd-auth named it, or NULL */
	uint64_t card;                /* in the stash, of its tickets; or 0 */
	uint64_t bytes_in, bytes_out;
	struct gw_ws ws;              /* a tunnel's way to the client */
	uint32_t request_count;
	uint32_t slot;                /* while is_waiting */
	uint32_t link;                /* the link the session came by */
	uint32_t source;              /* whom it counts as, see quota.h */
	uint8_t holds;                /* bits of enum gw_limit */
	bool is_waiting;              /* for a verdict */
	bool is_admitted;             /* counted at gwd-auth */
	bool has_signed;              /* its CertificateVerify has come */
	bool is_asked;                /* for its verdict, once */
	bool is_done;                 /* the TLS handshake */
	bool is_refused;              /* by an alert within it */
	bool is_reading_head;         /* the header timeout runs */
	bool has_text;                /* denied: some of the head has come */
	bool client_eof : 1, up_eof : 1; /* a tunnel's: it has said all; */
	bool client_lost : 1;         /* it is gone, all said or not; */
	bool up_lost : 1;             /* up_eof, but it had not finished; */
	bool up_shut : 1;             /* it is told no more */
	bool has_parted : 1;          /* close_notify is out */
	uint8_t session[GW_SESSION_ID];
	char login[GW_LOGIN_ID_SIZE];
	char ip[INET6_ADDRSTRLEN];
	uint16_t port;
	uint16_t fills_left;          /* of this turn */
};

/* Takes `fd`, and a connection and a handshake that `source` holds. */
void gw_conn_open(struct gw_listener *l, int fd,
		  const struct sockaddr_storage *peer, uint32_t source);
/* One of what the listener's limits allow. Held until released or the
 * connection's end; twice is no harm. */
GW_MUST_CHECK enum gw_limited gw_conn_hold(struct gw_conn *c,
					   enum gw_limit kind);
void gw_conn_release(struct gw_conn *c, enum gw_limit kind);
/* Tries to get on. */
void gw_conn_run(struct gw_conn *c);
/* gw_conn_run() once more at the end of the turn: others come first. */
void gw_conn_again(struct gw_conn *c);
/* The present phase may take `ms` from now. */
void gw_conn_deadline(struct gw_conn *c, int64_t ms);

/* The handshake is over: take up requests, or tell why not. */
void gw_conn_serve(struct gw_conn *c);
void gw_conn_deny(struct gw_conn *c);

/* Bytes the client has taken of those the kernel held for it when this was
 * asked last: who reads slowly makes room for a write only now and then. */
uint32_t gw_conn_drained(struct gw_conn *c);

/* Reads what the client sent into `*b`: of one record, and only so many times
 * a turn; then it is as if there were nothing, and comes to its turn again. */
enum gw_xfer gw_conn_fill(struct gw_conn *c, struct gw_buf *b, size_t max);
/* Writes of `out` what TLS takes: AGAIN when that is not all, BROKEN when the
 * client is lost. */
enum gw_xfer gw_conn_send(struct gw_conn *c, bool *out_moved);
/* The same; false when the client is lost (the connection is then DEAD). */
bool gw_conn_flush(struct gw_conn *c, bool *out_moved);

/* Says goodbye, once; AGAIN: it has not gone out yet. `out` is empty. */
enum gw_xfer gw_conn_part(struct gw_conn *c);
/* Orderly: says goodbye, and waits a moment for the client to have read the
 * last words. `out` is empty. */
void gw_conn_finish(struct gw_conn *c, const char *why);
/* The same without the goodbye: what the client has is not the whole. */
void gw_conn_cut(struct gw_conn *c, const char *why);
/* Frees TLS; what was not said in it never will be. */
void gw_conn_drop_tls(struct gw_conn *c);
/* At once. What points to it stays valid until the end of the turn. */
void gw_conn_end(struct gw_conn *c, const char *why);
/* The same, for a cause that is not the connection's own (its session is
 * over, the gateway stops): a WebSocket client is told, if it can be. */
void gw_conn_dismiss(struct gw_conn *c, enum gw_ws_code code, const char *why);

void gw_conn_peer(const struct gw_conn *c, char out[GW_PEER_MAX]);
/* The listener's settings. */
const struct gw_conf_listener *gw_conn_conf(const struct gw_conn *c);

#endif
