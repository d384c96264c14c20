/* net.c — see net.h. */
#include "net.h"
#include "gw/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool
parse_port(const char *s, in_port_t *out)
{
	unsigned n = 0;

	if (*s == '\0' || strlen(s) > 5 || s[strspn(s, "0123456789")] != '\0')
		return false;
	while (*s != '\0')
		n = n * 10 + (unsigned)(*s++ - '0');
	*out = htons((uint16_t)n);
	return n <= 65535;
}

static bool
parse_v4(const char *host, in_port_t port, struct gw_addr *out)
{
	struct sockaddr_in *sin = (void *)&out->ss;

	*sin = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = port };
	out->len = sizeof(*sin);
	return inet_pton(AF_INET, host, &sin->sin_addr) == 1;
}

static bool
parse_v6(const char *host, in_port_t port, struct gw_addr *out)
{
	struct sockaddr_in6 *sin6 = (void *)&out->ss;

	*sin6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
				       .sin6_port = port };
	out->len = sizeof(*sin6);
	return inet_pton(AF_INET6, host, &sin6->sin6_addr) == 1;
}

bool
gw_addr_parse(const char *text, struct gw_addr *out)
{
	const char *colon = strrchr(text, ':');
	struct gw_addr a = { .len = 0 };
	char host[INET6_ADDRSTRLEN + 2];
	in_port_t port = 0;
	size_t len;

	if (colon == NULL || !parse_port(colon + 1, &port))
		return false;
	len = (size_t)(colon - text);
	if (len == 0 || len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		if (!parse_v6(host + 1, port, &a))
			return false;
	} else if (!parse_v4(host, port, &a))
		return false;
	*out = a;
	return true;
}

unsigned
gw_addr_port(const struct gw_addr *a)
{
	const struct sockaddr_in *sin = (const void *)&a->ss;

	/* both families keep the port at the same place */
	return ntohs(sin->sin_port);
}

void
gw_addr_format(const struct gw_addr *a, char out[GW_ADDR_TEXT])
{
	const struct sockaddr_in *sin = (const void *)&a->ss;
	const struct sockaddr_in6 *sin6 = (const void *)&a->ss;
	bool v6 = a->ss.ss_family == AF_INET6;
	char host[INET6_ADDRSTRLEN] = "?";
	const void *raw = v6 ? (const void *)&sin6->sin6_addr
			     : (const void *)&sin->sin_addr;

	(void)inet_ntop(a->ss.ss_family, raw, host, sizeof(host));
	gw_format(out, GW_ADDR_TEXT, v6 ? "[%s]:%u" : "%s:%u", host,
		  gw_addr_port(a));
}

bool
gw_addr_equal(const struct gw_addr *a, const struct gw_addr *b)
{
	char x[GW_ADDR_TEXT], y[GW_ADDR_TEXT];

	gw_addr_format(a, x);
	gw_addr_format(b, y);
	return strcmp(x, y) == 0;
}

static int
open_bound(const struct gw_addr *a, int share_option)
{
	static const int on = 1;
	int fd = socket(a->ss.ss_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int saved;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    (share_option == 0 || setsockopt(fd, SOL_SOCKET, share_option,
					     &on, sizeof(on)) == 0) &&
	    bind(fd, (const void *)&a->ss, a->len) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int
gw_net_probe(const struct gw_addr *a)
{
	int fd = open_bound(a, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

int
gw_net_listen(struct gw_addr *a)
{
	int fd = open_bound(a, SO_REUSEPORT);
	int saved;

	if (fd < 0)
		return -1;
	a->len = sizeof(a->ss);
	if (listen(fd, SOMAXCONN) == 0 &&
	    getsockname(fd, (void *)&a->ss, &a->len) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}
