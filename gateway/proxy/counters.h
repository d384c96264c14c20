/* counters.h — what each worker counts and the status page sums up.
 * gwd-proxy only. Each worker writes its own, no other thread reads them: a
 * copy is handed over when asked for. */
#ifndef GW_PROXY_COUNTERS_H
#define GW_PROXY_COUNTERS_H

#include "gw/error.h"
#include "site.h"

struct gw_listener_counters {
	int64_t connections; /* open now */
	int64_t accepted;
	int64_t refused;        /* before TLS */
	int64_t heads_refused;
	int64_t source_refused; /* of both, for what one address held */
	int64_t handshakes, handshakes_failed;
	int64_t denied;
};

struct gw_server_counters {
	int64_t connections, idle;
	int64_t requests, errors;
	enum gw_err last_error;
	bool is_down;        /* filled in when copied */
};

struct gw_worker_counters {
	int64_t connections, requests, tunnels;
	int64_t bytes_in, bytes_out; /* of clients, without TLS */
};

/* A session that only the proxy still knows. */
struct gw_left {
	uint8_t session[GW_SESSION_ID];
	size_t listener;     /* index */
	time_t since, until;
	uint32_t connections;
	char peer[GW_PEER_MAX];
	char account[GW_SAM_MAX];
};
#define GW_LEFT_MAX 4096 /* of one worker that are told of */

/* All of them, of one worker or summed up. */
struct gw_counters {
	struct gw_worker_counters worker;
	struct gw_listener_counters *listeners; /* as site.listeners */
	struct gw_server_counters *servers;     /* by site server index */
	struct gw_left *left; /* one session may stand there several times */
	size_t left_count;
};

struct gw_counters *gw_counters_new(const struct gw_site *s);
void gw_counters_free(struct gw_counters *c);
void gw_counters_add(struct gw_counters *sum, const struct gw_counters *c,
		     const struct gw_site *s);

#endif
