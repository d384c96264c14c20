/* addr.c — see addr.h. */
#include "addr.h"
#include "gw/util.h"

#include <arpa/inet.h>
#include <string.h>

/* ---- from text */

static bool
parse_port(const char *s, in_port_t *out)
{
	char *end;
	unsigned long n;

	if (*s < '0' || *s > '9')
		return false;
	n = strtoul(s, &end, 10);
	if (*end != '\0' || n == 0 || n > 65535)
		return false;
	*out = htons((uint16_t)n);
	return true;
}

static bool
parse_v6(const char *text, struct sockaddr_in6 *out)
{
	const char *end = strchr(text, ']');
	char host[INET6_ADDRSTRLEN];
	size_t len = end != NULL ? (size_t)(end - text) - 1 : 0;

	if (end == NULL || end[1] != ':' || len >= sizeof(host))
		return false;
	memcpy(host, text + 1, len);
	host[len] = '\0';
	out->sin6_family = AF_INET6;
	return inet_pton(AF_INET6, host, &out->sin6_addr) == 1 &&
	       parse_port(end + 2, &out->sin6_port);
}

static bool
parse_v4(const char *text, struct sockaddr_in *out)
{
	const char *colon = strchr(text, ':');
	char host[INET_ADDRSTRLEN];
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;

	if (colon == NULL || len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	out->sin_family = AF_INET;
	return inet_pton(AF_INET, host, &out->sin_addr) == 1 &&
	       parse_port(colon + 1, &out->sin_port);
}

bool
gw_addr_parse(const char *text, struct sockaddr_storage *out,
	      socklen_t *out_len)
{
	memset(out, 0, sizeof(*out));
	if (text[0] == '[') {
		*out_len = sizeof(struct sockaddr_in6);
		return parse_v6(text, (struct sockaddr_in6 *)out);
	}
	*out_len = sizeof(struct sockaddr_in);
	return parse_v4(text, (struct sockaddr_in *)out);
}

/* ---- to text */

static const struct in6_addr *
v6_of(const struct sockaddr_storage *a)
{
	return &((const struct sockaddr_in6 *)a)->sin6_addr;
}

/* NULL when it has none. */
static const void *
v4_of(const struct sockaddr_storage *a)
{
	if (a->ss_family != AF_INET6)
		return &((const struct sockaddr_in *)a)->sin_addr;
	return IN6_IS_ADDR_V4MAPPED(v6_of(a)) ? &v6_of(a)->s6_addr[12] : NULL;
}

void
gw_addr_ip(const struct sockaddr_storage *a, char out[INET6_ADDRSTRLEN])
{
	const void *v4 = v4_of(a);

	if (v4 != NULL)
		inet_ntop(AF_INET, v4, out, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, v6_of(a), out, INET6_ADDRSTRLEN);
}

uint16_t
gw_addr_port(const struct sockaddr_storage *a)
{
	return ntohs(a->ss_family == AF_INET6
			     ? ((const struct sockaddr_in6 *)a)->sin6_port
			     : ((const struct sockaddr_in *)a)->sin_port);
}

/* ---- whom it counts as */

uint64_t
gw_addr_prefix(const struct sockaddr_storage *a)
{
	const void *v4 = v4_of(a);
	uint32_t host;
	uint64_t net;

	if (v4 == NULL) {
		memcpy(&net, v6_of(a), sizeof(net));
		return net;
	}
	memcpy(&host, v4, sizeof(host));
	return host;
}
