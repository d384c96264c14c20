/* ident.h — what an upstream is told of an admitted client: the fields that
 * stay the same for the whole connection, serialised once. gwd-proxy only.
 * Pure: no I/O, no clock. */
#ifndef GW_PROXY_IDENT_H
#define GW_PROXY_IDENT_H

#include "gw/conf.h"
#include "gw/proto.h"
#include "http.h"

/* One allocation; the block stands behind the struct. */
struct gw_ident {
	char forwarded[128]; /* "Forwarded: for=…;proto=https" */
	uint8_t routes[GW_ROUTES_MAX];
	uint16_t route_count;
	uint32_t block_len;
	char block[];        /* CRLF-ended fields */
};

/* Working room that is always enough for one block: groups, the
 * certificates in base64, names. */
#define GW_IDENT_SCRATCH 131072

/* `ip` is the client's address without port. Heap, free() by the caller.
 * NULL when a value cannot stand in a field: refuse the client then. */
GW_MUST_CHECK struct gw_ident *
gw_ident_new(const struct gw_conf_headers *names,
	     const struct gw_verdict_msg *v, const struct gw_der *chain,
	     size_t chain_count, const char *ip, char *scratch);

/* fail closed: a route the verdict does not name is denied. */
bool gw_ident_may_use(const struct gw_ident *id, size_t route);

struct gw_request_fields {
	const char *id_name;   /* configured; "" for none */
	const char *login;
	uint32_t number;       /* of the request on its connection */
	struct gw_str host;    /* checked by the codec; may be empty */
	const char *via;       /* our name in Via; "" for none */
	int minor;             /* HTTP/1.minor, as received */
	bool expects_continue;
};

/* The block and what differs from request to request. */
void gw_ident_write(struct gw_out *o, const struct gw_ident *id,
		    const struct gw_request_fields *f);

#endif
