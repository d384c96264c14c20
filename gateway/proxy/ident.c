/* ident.c — see ident.h. */
#include "ident.h"

#include <string.h>

/* A name set to "" in the configuration means: not sent. */
static void
out_named(struct gw_out *o, const char *name, const char *value)
{
	if (name != NULL && *name != '\0' && value != NULL && *value != '\0')
		gw_out_field(o, name, value);
}

/* fail closed: without a confirmed account there is no name to tell, whatever
 * else the verdict holds. */
static void
out_account(struct gw_out *o, const struct gw_conf_headers *n,
	    const struct gw_verdict_msg *v)
{
	if (!v->has_account)
		return;
	out_named(o, n->user, v->sam);
	out_named(o, n->upn, v->upn);
	out_named(o, n->sid, v->sid);
	out_named(o, n->groups, v->groups);
	out_named(o, n->mapping, gw_mapping_name(v->mapping));
}

/* RFC 9440. One field per certificate of the chain makes a list, too. */
static void
out_chain(struct gw_out *o, const struct gw_der *chain, size_t n)
{
	for (size_t i = 0; i < n; i++)
		gw_out_bytes_field(o, i == 0 ? "Client-Cert"
					     : "Client-Cert-Chain",
				   chain[i].p, chain[i].len);
}

static bool
set_forwarded(struct gw_ident *id, const char *ip)
{
	bool is_v6 = strchr(ip, ':') != NULL;

	/* RFC 7239 6: an IPv6 address stands in brackets and quotes */
	return gw_format(id->forwarded, sizeof(id->forwarded),
			 is_v6 ? "Forwarded: for=\"[%s]\";proto=https"
			       : "Forwarded: for=%s;proto=https", ip);
}

struct gw_ident *
gw_ident_new(const struct gw_conf_headers *names,
	     const struct gw_verdict_msg *v, const struct gw_der *chain,
	     size_t chain_count, const char *ip, char *scratch)
{
	struct gw_out o = { .p = scratch, .cap = GW_IDENT_SCRATCH };
	struct gw_ident *id;

	out_account(&o, names, v);
	if (names->client_cert)
		out_chain(&o, chain, chain_count);
	gw_out_field(&o, "X-Forwarded-For", ip);
	gw_out_field(&o, "X-Forwarded-Proto", "https");
	if (o.bad)
		return NULL;
	id = gw_xcalloc(1, sizeof(*id) + o.len);
	if (!set_forwarded(id, ip)) {
		free(id);
		return NULL;
	}
	memcpy(id->routes, v->routes, sizeof(id->routes));
	id->route_count = (uint16_t)v->route_count;
	id->block_len = (uint32_t)o.len;
	memcpy(id->block, scratch, o.len);
	return id;
}

bool
gw_ident_may_use(const struct gw_ident *id, size_t route)
{
	return route < id->route_count &&
	       id->routes[route] == GW_VERDICT_ALLOW;
}

static void
out_request_id(struct gw_out *o, const struct gw_request_fields *f)
{
	char digits[10], *p = digits + sizeof(digits);
	uint32_t n = f->number;

	if (f->id_name == NULL || *f->id_name == '\0')
		return;
	/* by hand: printf takes longer than the rest of the head */
	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	gw_out_str(o, f->id_name);
	gw_out_raw(o, ": ", 2);
	gw_out_str(o, f->login);
	gw_out_raw(o, "-", 1);
	gw_out_raw(o, p, (size_t)(digits + sizeof(digits) - p));
	gw_out_raw(o, "\r\n", 2);
}

/* RFC 9110 7.6.3: behind whatever the client's side has put there. */
static void
out_via(struct gw_out *o, const struct gw_request_fields *f)
{
	if (f->via == NULL || *f->via == '\0')
		return;
	gw_out_str(o, f->minor > 0 ? "Via: 1.1 " : "Via: 1.0 ");
	gw_out_str(o, f->via);
	gw_out_raw(o, "\r\n", 2);
}

void
gw_ident_write(struct gw_out *o, const struct gw_ident *id,
	       const struct gw_request_fields *f)
{
	gw_out_raw(o, id->block, id->block_len);
	out_request_id(o, f);
	gw_out_str(o, id->forwarded);
	if (f->host.len > 0) {
		/* quoted: a port's colon is no token character */
		gw_out_raw(o, ";host=\"", 7);
		gw_out_raw(o, f->host.p, f->host.len);
		gw_out_raw(o, "\"\r\nX-Forwarded-Host: ", 21);
		gw_out_raw(o, f->host.p, f->host.len);
	}
	gw_out_raw(o, "\r\n", 2);
	out_via(o, f);
	/* end to end: the upstream says whether to go on (RFC 9110 10.1.1) */
	if (f->expects_continue)
		gw_out_str(o, "Expect: 100-continue\r\n");
}
