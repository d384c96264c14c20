/* counters.c — see counters.h. */
#include "counters.h"
#include "gw/util.h"

#include <string.h>

struct gw_counters *
gw_counters_new(const struct gw_site *s)
{
	struct gw_counters *c = gw_xcalloc(1, sizeof(*c));

	c->listeners = gw_xcalloc(s->listener_count + 1,
				  sizeof(*c->listeners));
	c->servers = gw_xcalloc(s->server_count + 1, sizeof(*c->servers));
	return c;
}

void
gw_counters_free(struct gw_counters *c)
{
	if (c == NULL)
		return;
	free(c->listeners);
	free(c->servers);
	free(c->left);
	free(c);
}

static void
add_listener(struct gw_listener_counters *sum,
	     const struct gw_listener_counters *l)
{
	sum->connections += l->connections;
	sum->accepted += l->accepted;
	sum->refused += l->refused;
	sum->heads_refused += l->heads_refused;
	sum->source_refused += l->source_refused;
	sum->handshakes += l->handshakes;
	sum->handshakes_failed += l->handshakes_failed;
	sum->denied += l->denied;
}

static void
add_server(struct gw_server_counters *sum, const struct gw_server_counters *v)
{
	sum->connections += v->connections;
	sum->idle += v->idle;
	sum->requests += v->requests;
	sum->errors += v->errors;
	if (v->last_error != GW_ERR_OK)
		sum->last_error = v->last_error;
	sum->is_down = sum->is_down || v->is_down;
}

static void
add_left(struct gw_counters *sum, const struct gw_counters *c)
{
	struct gw_left *all;

	if (c->left_count == 0)
		return;
	all = gw_xcalloc(sum->left_count + c->left_count, sizeof(*all));
	if (sum->left_count > 0)
		memcpy(all, sum->left, sum->left_count * sizeof(*all));
	memcpy(all + sum->left_count, c->left, c->left_count * sizeof(*all));
	free(sum->left);
	sum->left = all;
	sum->left_count += c->left_count;
}

void
gw_counters_add(struct gw_counters *sum, const struct gw_counters *c,
		const struct gw_site *s)
{
	sum->worker.connections += c->worker.connections;
	sum->worker.requests += c->worker.requests;
	sum->worker.tunnels += c->worker.tunnels;
	sum->worker.bytes_in += c->worker.bytes_in;
	sum->worker.bytes_out += c->worker.bytes_out;
	for (size_t i = 0; i < s->listener_count; i++)
		add_listener(&sum->listeners[i], &c->listeners[i]);
	for (size_t i = 0; i < s->server_count; i++)
		add_server(&sum->servers[i], &c->servers[i]);
	add_left(sum, c);
}
