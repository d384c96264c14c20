/* status.c — see status.h. */
#include "status.h"

#include <stdlib.h>
#include <string.h>
#include <jansson.h>

/* Takes `row`. */
static void
say(struct gw_child *child, uint64_t ask, const char *section, json_t *row)
{
	char *text = row != NULL ? json_dumps(row, JSON_COMPACT) : NULL;

	gw_child_status_row(child, ask, section, text);
	free(text);
	json_decref(row);
}

static json_t *
listener_row(const struct gw_site_listener *l,
	     const struct gw_listener_counters *n)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"title", l->conf->title,
		"connections", (json_int_t)n->connections,
		"accepted", (json_int_t)n->accepted,
		"refused", (json_int_t)n->refused,
		"heads_refused", (json_int_t)n->heads_refused,
		"source_refused", (json_int_t)n->source_refused,
		"handshakes", (json_int_t)n->handshakes,
		"handshakes_failed", (json_int_t)n->handshakes_failed,
		"denied", (json_int_t)n->denied);
}

static const char *
state_of(const struct gw_server_counters *n)
{
	if (n->is_down)
		return "down";
	return n->requests > 0 ? "up" : "unused";
}

static json_t *
server_row(const struct gw_site_upstream *u, const struct gw_site_server *v,
	   const struct gw_server_counters *n)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s}",
		"title", u->conf->title,
		"server", v->name,
		"state", state_of(n),
		"connections", (json_int_t)n->connections,
		"idle", (json_int_t)n->idle,
		"requests", (json_int_t)n->requests,
		"errors", (json_int_t)n->errors,
		"last_error", n->last_error != GW_ERR_OK
				      ? gw_err_name(n->last_error) : "");
}

static json_t *
proxy_row(const struct gw_worker_counters *n, size_t workers)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}",
		"workers", (json_int_t)workers,
		"connections", (json_int_t)n->connections,
		"requests", (json_int_t)n->requests,
		"tunnels", (json_int_t)n->tunnels,
		"bytes_in", (json_int_t)n->bytes_in,
		"bytes_out", (json_int_t)n->bytes_out);
}

/* ---- sessions that gwd-auth no longer knows */

static int
by_session(const void *a, const void *b)
{
	const struct gw_left *x = a, *y = b;

	return memcmp(x->session, y->session, sizeof(x->session));
}

static json_t *
left_row(const struct gw_site *s, const struct gw_left *l)
{
	char id[2 * GW_SESSION_ID + 1];

	gw_hex(l->session, sizeof(l->session), id);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s}",
		"id", id,
		"account", l->account,
		"listener", s->listeners[l->listener].conf->title,
		"since", (json_int_t)l->since,
		"until", (json_int_t)l->until,
		"connections", (json_int_t)l->connections,
		"peer", l->peer);
}

/* Each worker told of its own connections: the same session's come together
 * here. */
static void
say_left(struct gw_child *child, uint64_t ask, const struct gw_site *s,
	 struct gw_counters *sum)
{
	struct gw_left *l = sum->left;

	if (sum->left_count > 1)
		qsort(l, sum->left_count, sizeof(*l), by_session);
	for (size_t i = 0; i < sum->left_count; i++) {
		if (i + 1 < sum->left_count &&
		    by_session(&l[i], &l[i + 1]) == 0) {
			l[i + 1].connections += l[i].connections;
			l[i + 1].since = GW_MIN(l[i].since, l[i + 1].since);
		} else {
			say(child, ask, "left_sessions", left_row(s, &l[i]));
		}
	}
}

void
gw_status_rows(struct gw_child *child, uint64_t ask, const struct gw_site *s,
	       struct gw_counters *sum, size_t workers)
{
	for (size_t i = 0; i < s->listener_count; i++)
		say(child, ask, "listeners",
		    listener_row(&s->listeners[i], &sum->listeners[i]));
	for (size_t i = 0; i < s->upstream_count; i++) {
		const struct gw_site_upstream *u = &s->upstreams[i];

		for (size_t j = 0; j < u->server_count; j++)
			say(child, ask, "upstreams",
			    server_row(u, &u->servers[j],
				       &sum->servers[u->servers[j].index]));
	}
	say(child, ask, "proxy", proxy_row(&sum->worker, workers));
	say_left(child, ask, s, sum);
	gw_child_status_end(child, ask);
}
