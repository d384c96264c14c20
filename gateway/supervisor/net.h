/* gateway/supervisor/net.h — addresses and listening sockets. Linked into gwd
 * only. Names are never resolved here: a start must not wait for DNS. */
#ifndef GW_NET_H
#define GW_NET_H

#include <sys/socket.h>
#include "gw/compiler.h"

struct gw_addr {
	struct sockaddr_storage ss;
	socklen_t len;
};

#define GW_ADDR_TEXT 64

/* "192.0.2.1:443" or "[2001:db8::1]:443"; numbers only. */
GW_MUST_CHECK bool gw_addr_parse(const char *text, struct gw_addr *out);
void gw_addr_format(const struct gw_addr *a, char out[GW_ADDR_TEXT]);
unsigned gw_addr_port(const struct gw_addr *a);
bool gw_addr_equal(const struct gw_addr *a, const struct gw_addr *b);

/* Whether nobody else listens there: 0, or the errno of bind(2). Without
 * SO_REUSEPORT, because with it two gateways would share the clients. */
int gw_net_probe(const struct gw_addr *a);

/* One of several sockets on the same address (SO_REUSEPORT), non-blocking and
 * close-on-exec. A port 0 in `a` becomes the one the kernel chose. -1 with
 * errno. */
GW_MUST_CHECK int gw_net_listen(struct gw_addr *a);

#endif
