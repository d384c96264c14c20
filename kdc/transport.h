/* transport.h — bytes to one domain controller and back, in time. Linked into
 * gwd-kdc only. Knows nothing of logins; never chooses a DC and never tries
 * another one: libkrb5's own search for KDCs waits ten seconds for a silent
 * one, so every Kerberos message goes through here instead. */
#ifndef KDC_TRANSPORT_H
#define KDC_TRANSPORT_H

#include <krb5/krb5.h>
#include <netinet/in.h>

#include "gw/error.h"
#include "gw/identity.h"
#include "limits.h"

#define GW_PORT_KDC  88
#define GW_PORT_LDAP 389

union gw_addr {
	struct sockaddr_in6 in6; /* the largest first: all of it is zeroed,
				    and addresses compare by memory */
	struct sockaddr_in in4;
	struct sockaddr sa;
};

/* A domain controller as the stages see it: a copy, owned by the user. */
struct gw_dc {
	uint32_t id; /* place in the table; never given to another DC */
	char name[GW_HOST_MAX]; /* host name in full: the SPN is ldap/<name> */
	union gw_addr addr;     /* port 0 */
};

bool gw_addr_parse(const char *s, union gw_addr *out);
void gw_addr_format(const union gw_addr *a, char out[INET6_ADDRSTRLEN]);

/* Begins to connect and does not wait: for gw_dial() later. -1 when that
 * failed at once. The caller's. */
int gw_dial_ahead(const struct gw_dc *dc, uint16_t port);
/* A connected non-blocking socket. `ahead` is taken: from gw_dial_ahead() to
 * the same place, or -1. GW_ERR_SYSTEM with the reason. */
GW_MUST_CHECK enum gw_err gw_dial(const struct gw_dc *dc, uint16_t port,
				  const struct gw_limits *l, int ahead,
				  int *out_fd, struct gw_error *err);

#define GW_KDC_REPLY_MAX (256u * 1024)

/* A connection kept for the next message, for a few seconds. */
struct gw_kdc_conn {
	int fd; /* -1: none */
	union gw_addr addr;
	uint64_t used_ms;
};
#define GW_KDC_CONN_NONE { .fd = -1 }
void gw_kdc_conn_close(struct gw_kdc_conn *c);

/* One message to the KDC over TCP (RFC 4120, 7.2.2) and its answer, which
 * the caller frees with free(). Over `keep`, when that leads to this DC and
 * is still good, else over a new connection that becomes it; NULL: none is
 * kept. GW_ERR_KDC_UNREACHABLE with the reason. */
GW_MUST_CHECK enum gw_err
gw_kdc_exchange(const struct gw_dc *dc, const struct gw_limits *l,
		struct gw_kdc_conn *keep, const krb5_data *request,
		krb5_data *out_reply, struct gw_error *err);

/* What libkrb5's send hook needs; one per krb5_context. */
struct gw_transport {
	const char *realm; /* the only one ever asked; borrowed */
	struct gw_dc dc;
	struct gw_limits limits;
	struct gw_kdc_conn conn;
	struct gw_error failure; /* code is GW_ERR_OK after a good exchange */
};

/* From here on every message of `ctx` goes to `t->dc` or nowhere. */
void gw_transport_hook(krb5_context ctx, struct gw_transport *t);

#endif
