/* addr.h — addresses of clients and servers: as text, back, and by whom they
 * count. gwd-proxy only. Pure. An IPv4 client at a socket of both families
 * (RFC 4291, 2.5.5.2) is an IPv4 client here. */
#ifndef GW_PROXY_ADDR_H
#define GW_PROXY_ADDR_H

#include <netinet/in.h>
#include <sys/socket.h>
#include "gw/compiler.h"

/* "192.0.2.1:80" or "[2001:db8::1]:80"; numbers only. */
GW_MUST_CHECK bool gw_addr_parse(const char *text,
				 struct sockaddr_storage *out,
				 socklen_t *out_len);

/* The address alone, without brackets. */
void gw_addr_ip(const struct sockaddr_storage *a, char out[INET6_ADDRSTRLEN]);
uint16_t gw_addr_port(const struct sockaddr_storage *a);

/* What one site has: the address, of IPv6 the /64. */
uint64_t gw_addr_prefix(const struct sockaddr_storage *a);

#endif
